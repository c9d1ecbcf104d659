//! Percentiles of the histograms in the samples: bucket 0 holds what took up to 1 ms, each next one twice as much.

/// How long something took, over the tasks of a span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    /// How many tasks.
    pub count: i64,
    /// Half of them took at most so long, in milliseconds.
    pub p50_ms: Option<f64>,
    /// 95 % of them.
    pub p95_ms: Option<f64>,
    /// 99 % of them.
    pub p99_ms: Option<f64>,
}

/// Adds the counts of `more` to `sum`.
pub(super) fn add(sum: &mut Vec<i64>, more: &[i32]) {
    if sum.len() < more.len() {
        sum.resize(more.len(), 0);
    }
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += i64::from(*more);
    }
}

/// What the buckets say.
pub(super) fn times(buckets: &[i64]) -> Times {
    Times {
        count: buckets.iter().sum(),
        p50_ms: percentile(buckets, 0.50),
        p95_ms: percentile(buckets, 0.95),
        p99_ms: percentile(buckets, 0.99),
    }
}

/// Within a bucket, as if its tasks were spread evenly.
fn percentile(buckets: &[i64], share: f64) -> Option<f64> {
    let count: i64 = buckets.iter().sum();
    if count == 0 {
        return None;
    }
    let wanted = share * count as f64;
    let mut below = 0.0;
    for (bucket, here) in buckets.iter().enumerate().filter(|(_, here)| **here > 0) {
        let here = *here as f64;
        if below + here >= wanted {
            let upper = f64::from(1_u32 << bucket.min(31));
            let lower = if bucket == 0 { 0.0 } else { upper / 2.0 };
            return Some(lower + (upper - lower) * ((wanted - below) / here).clamp(0.0, 1.0));
        }
        below += here;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_in_their_buckets() {
        let mut buckets = Vec::new();
        assert_eq!(times(&buckets), Times::default());
        add(&mut buckets, &[0, 90]);
        add(&mut buckets, &[0, 0, 0, 10]);
        let times = times(&buckets);
        assert_eq!(times.count, 100);
        assert!(times.p50_ms.is_some_and(|ms| (1.0..=2.0).contains(&ms)), "{times:?}");
        assert!(times.p95_ms.is_some_and(|ms| (4.0..=8.0).contains(&ms)), "{times:?}");
        assert!(times.p99_ms > times.p95_ms, "{times:?}");
    }
}
