//! The SQL follows the pure machine: the same random moves on both, compared after each.
use chrono::TimeDelta;
use mipo_queue::state::{Move, Refusal, Status, Task};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::{Place, SLOW, place};

const ROADS: usize = 60;

fn moves() -> impl Strategy<Value = Move> {
    let fence = 1..5_u64;
    let delay = prop_oneof![3 => Just(TimeDelta::zero()), 1 => Just(TimeDelta::hours(1))];
    prop_oneof![
        6 => Just(Move::Claim),
        1 => fence.clone().prop_map(Move::Finish),
        4 => (fence.clone(), delay.clone()).prop_map(|(fence, delay)| Move::Fail(fence, delay)),
        2 => (fence.clone(), delay).prop_map(|(fence, delay)| Move::Snooze(fence, delay)),
        1 => fence.clone().prop_map(Move::Abort),
        2 => fence.clone().prop_map(Move::Return),
        2 => Just(Move::Expire),
        1 => Just(Move::Cancel),
        1 => fence.prop_map(Move::ConfirmCancel),
        1 => (1..4_u32).prop_map(Move::Retry),
        1 => Just(Move::Discard),
        2 => Just(Move::UndoDiscard),
        1 => Just(Move::RunNow),
    ]
}

/// The stored task and the tokens of its leases, oldest first.
struct Stored<'a> {
    pool: &'a PgPool,
    admin: &'a PgPool,
    id: Uuid,
    worker: i32,
    tokens: Vec<Uuid>,
}

impl Stored<'_> {
    fn token(&self, fence: u64) -> Uuid {
        usize::try_from(fence - 1).ok().and_then(|index| self.tokens.get(index)).copied().unwrap_or(Uuid::nil())
    }

    async fn exchange(&self, done: &[Uuid], ended: &[(Uuid, &str, f64)], slots: i32) -> Vec<(String, Option<Uuid>)> {
        let done_ids = vec![self.id; done.len()];
        let ids = vec![self.id; ended.len()];
        let tokens: Vec<Uuid> = ended.iter().map(|end| end.0).collect();
        let outcomes: Vec<String> = ended.iter().map(|end| end.1.to_owned()).collect();
        let delays: Vec<f64> = ended.iter().map(|end| end.2).collect();
        let words = vec!["it failed".to_owned(); ended.len()];
        sqlx::query_as("select what, token from jobs.exchange($9, 60, $1, $2, '{}', '{}', $3, $4, $5, $6, $7, $7, $7, '{planning}', $8, '{null}', '{slow}')")
            .bind(done_ids)
            .bind(done)
            .bind(ids)
            .bind(tokens)
            .bind(outcomes)
            .bind(delays)
            .bind(words)
            .bind(vec![slots])
            .bind(self.worker)
            .fetch_all(self.pool)
            .await
            .expect("exchanges")
    }

    async fn end(&self, fence: u64, outcome: &str, delay: TimeDelta) -> bool {
        let rows = self.exchange(&[], &[(self.token(fence), outcome, delay.num_seconds() as f64)], 0).await;
        rows.iter().any(|row| row.0 == "ended")
    }

    /// Makes the move; true when it was accepted.
    async fn go(&mut self, step: Move) -> bool {
        match step {
            Move::Claim => {
                let rows = self.exchange(&[], &[], 1).await;
                let token = rows.into_iter().find_map(|row| row.1.filter(|_| row.0 == "claimed"));
                self.tokens.extend(token);
                token.is_some()
            }
            Move::Finish(fence) => self.exchange(&[self.token(fence)], &[], 0).await.iter().any(|row| row.0 == "ended"),
            Move::Fail(fence, delay) => self.end(fence, "retry", delay).await,
            Move::Snooze(fence, delay) => self.end(fence, "snoozed", delay).await,
            Move::Abort(fence) => self.end(fence, "dead", TimeDelta::zero()).await,
            Move::Return(fence) => self.end(fence, "returned", TimeDelta::zero()).await,
            Move::ConfirmCancel(fence) => self.end(fence, "cancelled", TimeDelta::zero()).await,
            Move::Expire => {
                sqlx::query("update jobs.workers set lease_until = now() - interval '1 s' where no = $1")
                    .bind(self.worker)
                    .execute(self.admin)
                    .await
                    .expect("expires");
                let rescued: i32 =
                    sqlx::query_scalar("select jobs.rescue()").fetch_one(self.pool).await.expect("rescues");
                rescued == 1
            }
            Move::Cancel => {
                let answer: Option<String> = sqlx::query_scalar("select jobs.cancel_task($1)")
                    .bind(self.id)
                    .fetch_one(self.pool)
                    .await
                    .expect("cancels");
                answer.is_some()
            }
            Move::Retry(attempts) => sqlx::query_scalar("select jobs.retry_task($1, $2)")
                .bind(self.id)
                .bind(attempts.cast_signed())
                .fetch_one(self.pool)
                .await
                .expect("retries"),
            Move::Discard => self.asked("select jobs.discard_task($1) is not null").await,
            Move::UndoDiscard => self.asked("select jobs.undo_discard($1) is not null").await,
            Move::RunNow => self.asked("select jobs.run_now($1)").await,
        }
    }

    async fn asked(&self, sql: &'static str) -> bool {
        sqlx::query_scalar(sql).bind(self.id).fetch_one(self.pool).await.expect("answers")
    }

    async fn look(&self) -> Value {
        sqlx::query_scalar(
            "select to_jsonb(x) from (
               select status, attempts, max_attempts, snoozed, cancel_requested, lease_token, run_at > now() as ahead, null as discarded_from from jobs.tasks where id = $1
               union all
               select status, attempts, max_attempts, false, false, null, null, discarded_from from jobs.task_history where id = $1) x",
        )
        .bind(self.id)
        .fetch_one(self.admin)
        .await
        .expect("exactly one row")
    }
}

async fn road(place: &Place, steps: &[Move]) {
    let id = place.enqueue(mipo_queue::NewTask::new(&SLOW, json!({}))).await.expect("new");
    let worker = place.register("m-00000000000000000000000000").await;
    let mut stored = Stored { pool: &place.pool, admin: &place.admin, id: id.as_uuid(), worker, tokens: Vec::new() };
    let mut now = chrono::DateTime::UNIX_EPOCH;
    let mut model = Task::new(3, now);
    for (index, step) in steps.iter().enumerate() {
        now += TimeDelta::seconds(1);
        let expected = model.after(*step, now);
        // A fence that was never given has no token to send.
        let accepted = stored.go(*step).await;
        assert_eq!(
            accepted,
            expected.is_ok(),
            "step {index} of {steps:?}: {step:?} on {model:?}: {}",
            stored.look().await
        );
        match expected {
            Ok(next) => model = next,
            Err(Refusal::Stale | Refusal::Illegal) => {}
        }
        let seen = stored.look().await;
        let live = matches!(model.status, Status::Pending | Status::Running);
        let wanted = json!({
            "status": model.status.as_str(), "attempts": model.attempts, "max_attempts": model.max_attempts,
            "snoozed": model.snoozed, "cancel_requested": model.cancel_requested,
            "lease_token": model.fence.map(|fence| stored.token(fence)),
            "ahead": live.then_some(model.run_at > now), "discarded_from": model.discarded_from.map(Status::as_str),
        });
        assert_eq!(seen, wanted, "after step {index} of {steps:?}");
    }
    sqlx::query(
        "with a as (delete from jobs.task_attempts), h as (delete from jobs.task_history) delete from jobs.tasks",
    )
    .execute(&place.admin)
    .await
    .expect("clears");
}

#[tokio::test]
async fn the_database_follows_the_machine() {
    let place = place().await;
    let mut runner = TestRunner::deterministic();
    let roads = prop::collection::vec(moves(), 1..25);
    for _ in 0..ROADS {
        let steps = roads.new_tree(&mut runner).expect("a road").current();
        road(&place, &steps).await;
    }
}
