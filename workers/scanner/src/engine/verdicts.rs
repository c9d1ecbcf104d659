//! What one connect says about a port.
//!
//! A verdict needs a clear cause. An answer of the target is `open` or `closed`, its silence or an ICMP prohibition is
//! `filtered`; whatever this machine did wrong is a fault: tried again, and in the end `error`, never one of the three.
use mipo_protocol::part::Verdict;
use mipo_protocol::spec::Votes;
use rustix::io::Errno;

/// nmap's word for the cause of a verdict.
pub const fn reason(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Open => "syn-ack",
        Verdict::Closed => "conn-refused",
        Verdict::Filtered | Verdict::NotProbed => "no-response",
        Verdict::Error => "local-error",
    }
}

/// What a connect call or its socket error means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The port has this verdict.
    Settled(Verdict),
    /// Nothing was heard: counts as a try.
    Silence,
    /// This machine lacks something now: try again later, with less under way.
    Lack,
    /// Something here makes the answer worthless: try again.
    Doubt,
    /// This machine has no way there: one more look, then an error.
    NoWay,
}

/// What the error means that `socket` or `connect` returned at once, before any packet was answered.
pub fn at_once(errno: Errno) -> Meaning {
    match errno {
        // The answer was there before the call returned, as on the loopback interface.
        Errno::CONNREFUSED => Meaning::Settled(Verdict::Closed),
        Errno::CONNRESET | Errno::PIPE => Meaning::Settled(Verdict::Open),
        Errno::MFILE
        | Errno::NFILE
        | Errno::NOBUFS
        | Errno::NOMEM
        | Errno::ADDRNOTAVAIL
        | Errno::ADDRINUSE
        | Errno::AGAIN
        | Errno::INTR => Meaning::Lack,
        Errno::CONNABORTED => Meaning::Doubt,
        _ => Meaning::NoWay,
    }
}

/// What the error means that the socket holds after a connect in progress.
pub fn later(errno: Errno) -> Meaning {
    match errno {
        Errno::CONNREFUSED => Meaning::Settled(Verdict::Closed),
        // A reset after the handshake: somebody listened, accepted and closed.
        Errno::CONNRESET | Errno::PIPE => Meaning::Settled(Verdict::Open),
        Errno::TIMEDOUT => Meaning::Silence,
        // ICMP unreachable of any kind, or no answer to the neighbour discovery.
        Errno::HOSTUNREACH
        | Errno::NETUNREACH
        | Errno::HOSTDOWN
        | Errno::NONET
        | Errno::NOPROTOOPT
        | Errno::ACCESS
        | Errno::OPNOTSUPP
        | Errno::PROTO => Meaning::Settled(Verdict::Filtered),
        Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM | Errno::ADDRNOTAVAIL => Meaning::Lack,
        _ => Meaning::Doubt,
    }
}

/// The votes on one port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ballot {
    /// Looks taken.
    pub looks: u8,
    /// Looks that said open.
    pub open: u8,
    /// Looks that said closed.
    pub closed: u8,
    /// Looks that said filtered.
    pub filtered: u8,
}

impl Ballot {
    /// Counts one look; the answer is the verdict when it is decided.
    pub fn cast(&mut self, verdict: Verdict, rule: Votes) -> Option<Verdict> {
        self.looks = self.looks.saturating_add(1);
        match verdict {
            Verdict::Open => self.open += 1,
            Verdict::Closed => self.closed += 1,
            Verdict::Filtered => self.filtered += 1,
            Verdict::Error | Verdict::NotProbed => {}
        }
        for (count, winner) in
            [(self.open, Verdict::Open), (self.closed, Verdict::Closed), (self.filtered, Verdict::Filtered)]
        {
            if u32::from(count) >= rule.need {
                return Some(winner);
            }
        }
        (u32::from(self.looks) >= rule.of).then_some(Verdict::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_lack_is_never_a_verdict() {
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::ADDRNOTAVAIL] {
            assert_eq!(at_once(errno), Meaning::Lack, "{errno}");
            assert_eq!(later(errno), Meaning::Lack, "{errno}");
        }
        for errno in [Errno::NETUNREACH, Errno::PERM, Errno::ACCESS, Errno::INVAL, Errno::AFNOSUPPORT] {
            assert_eq!(at_once(errno), Meaning::NoWay, "{errno}");
        }
    }

    #[test]
    fn two_of_three_decide_and_three_different_do_not() {
        let rule = Votes::DEFAULT;
        let mut ballot = Ballot::default();
        assert_eq!(ballot.cast(Verdict::Open, rule), None);
        assert_eq!(ballot.cast(Verdict::Error, rule), None);
        assert_eq!(ballot.cast(Verdict::Open, rule), Some(Verdict::Open));
        let mut split = Ballot::default();
        assert_eq!(split.cast(Verdict::Open, rule), None);
        assert_eq!(split.cast(Verdict::Closed, rule), None);
        assert_eq!(split.cast(Verdict::Filtered, rule), Some(Verdict::Error));
    }
}
