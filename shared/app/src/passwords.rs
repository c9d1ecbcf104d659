//! Hashing passwords: argon2id, never more at a time than there are cores (product S1).
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use mipo_domain::entropy::{Entropy, bytes};
use mipo_domain::passwords::MAX_BYTES;
use tokio::sync::Semaphore;

use crate::AppError;

/// What one hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Cost {
    /// What the product uses (S1).
    pub const PRODUCT: Self = Self { memory_kib: 65_536, passes: 3, lanes: 1 };
}

/// What verifying a password found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// It is the password.
    pub good: bool,
    /// The stored hash is cheaper than it should be, and is to be replaced at this login.
    pub weak: bool,
}

/// Hashes and verifies passwords. Clones share the limit.
#[derive(Clone)]
pub struct Passwords {
    cost: Cost,
    /// The hash that is verified for users who do not exist, so that they take the same time.
    nobody: Arc<str>,
    slots: Arc<Semaphore>,
    computed: Arc<AtomicU64>,
}

impl Passwords {
    /// With the cost of the product and a slot a core. Takes as long as one hash.
    pub fn new(entropy: &dyn Entropy) -> Result<Self, AppError> {
        Self::with_cost(Cost::PRODUCT, entropy)
    }

    /// With another cost.
    pub fn with_cost(cost: Cost, entropy: &dyn Entropy) -> Result<Self, AppError> {
        let slots = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let nobody = hash(cost, &bytes::<32>(entropy), &bytes::<16>(entropy))?;
        Ok(Self { cost, nobody: nobody.into(), slots: Arc::new(Semaphore::new(slots)), computed: Arc::default() })
    }

    /// How many hashes were computed so far, for whomever.
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// Hashes a password that was checked before.
    pub async fn hash(&self, password: &str, entropy: &dyn Entropy) -> Result<String, AppError> {
        let (cost, password, salt) = (self.cost, password.as_bytes().to_vec(), bytes::<16>(entropy));
        self.run(move || hash(cost, &password, &salt)).await?
    }

    /// Verifies `password` against `stored`; without one, against the hash of nobody, in the same time.
    pub async fn verify(&self, password: &str, stored: Option<&str>) -> Result<Verdict, AppError> {
        // Longer input than anybody's password can be is never hashed (S1), whoever it is for.
        if password.len() > MAX_BYTES {
            return Ok(Verdict { good: false, weak: false });
        }
        let known = stored.is_some();
        let phc = stored.unwrap_or(&self.nobody).to_owned();
        let (cost, password) = (self.cost, password.as_bytes().to_vec());
        let verdict = self.run(move || verify(cost, &password, &phc)).await??;
        Ok(Verdict { good: verdict.good && known, ..verdict })
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, AppError> {
        let stopped = |_| AppError::Unavailable(1);
        self.computed.fetch_add(1, Ordering::Relaxed);
        // The permit goes into the thread: a caller that went away does not free a slot that still works.
        let permit = Arc::clone(&self.slots).acquire_owned().await.map_err(stopped)?;
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        })
        .await
        .map_err(|error| AppError::Internal(format!("a password could not be hashed: {error}")))
    }
}

fn argon2(cost: Cost) -> Result<Argon2<'static>, AppError> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None)
        .map_err(|error| AppError::Internal(format!("argon2: {error}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(cost: Cost, password: &[u8], salt: &[u8]) -> Result<String, AppError> {
    let hash = argon2(cost)?
        .hash_password_with_salt(password, salt)
        .map_err(|error| AppError::Internal(format!("argon2: {error}")))?;
    Ok(hash.to_string())
}

fn verify(cost: Cost, password: &[u8], stored: &str) -> Result<Verdict, AppError> {
    let broken = || AppError::Internal("a stored password hash cannot be read".to_owned());
    let stored = PasswordHash::new(stored).map_err(|_| broken())?;
    let params = Params::try_from(&stored).map_err(|_| broken())?;
    // The parameters of the stored hash count, not ours.
    let good = argon2(cost)?.verify_password(password, &stored).is_ok();
    let weak = stored.algorithm.as_str() != "argon2id"
        || params.m_cost() < cost.memory_kib
        || params.t_cost() < cost.passes
        || params.p_cost() < cost.lanes;
    Ok(Verdict { good, weak })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            for byte in buffer {
                *byte = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    #[tokio::test]
    async fn hashes_are_argon2id_with_the_cost_of_the_product() {
        let entropy = Counting(1.into());
        let passwords = Passwords::new(&entropy).expect("made");
        let stored = passwords.hash("gravel teapot umbra lichen", &entropy).await.expect("hashed");
        assert!(stored.starts_with("$argon2id$v=19$m=65536,t=3,p=1$"), "{stored}");
        assert!(passwords.nobody.starts_with("$argon2id$v=19$m=65536,t=3,p=1$"), "nobody costs what everybody does");
        let right = passwords.verify("gravel teapot umbra lichen", Some(&stored)).await.expect("judged");
        assert_eq!(right, Verdict { good: true, weak: false });
        let wrong = passwords.verify("gravel teapot umbra lichens", Some(&stored)).await.expect("judged");
        assert!(!wrong.good);
    }

    #[tokio::test]
    async fn nobody_has_no_password_and_cheap_hashes_are_noticed() {
        let entropy = Counting(1.into());
        let cheap = Passwords::with_cost(CHEAP, &entropy).expect("made");
        let dear = Passwords::with_cost(Cost { passes: 2, ..CHEAP }, &entropy).expect("made");
        let stored = cheap.hash("x", &entropy).await.expect("hashed");
        assert_eq!(dear.verify("x", Some(&stored)).await.expect("judged"), Verdict { good: true, weak: true });
        assert!(!cheap.verify("x", None).await.expect("judged").good);
        assert!(!cheap.verify(&"x".repeat(1025), Some(&stored)).await.expect("judged").good);
        assert_eq!(cheap.computed(), 2, "one for hashing, one for nobody; too long input is not hashed");
        assert!(cheap.verify("x", Some("not a hash")).await.is_err());
    }
}
