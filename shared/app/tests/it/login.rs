//! Signing in while somebody changes the password, and what a good login leaves of the failures before it.
use std::net::{IpAddr, Ipv4Addr};

use chrono::TimeDelta;
use mipo_app::login::{self, Credentials, LoggedIn};
use mipo_app::passwords::{Cost, Passwords};
use mipo_app::sessions::Limits;
use mipo_app::{AppError, Caller, Ctx};
use mipo_store::Db;
use mipo_testkit::World;

const PASSWORD: &str = "gravel teapot umbra lichen";
const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
const DEAR: Cost = Cost { passes: 2, ..CHEAP };
const ALICE: &str = "00000000-0000-7000-8000-00000000a11c";
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

struct House {
    world: World,
    manager: Db,
    passwords: Passwords,
}

impl House {
    /// Alice has the password with a hash of `cost`; the house hashes with [`DEAR`].
    async fn new(cost: Cost) -> Self {
        let world = World::new().await;
        let manager = world.db_as("mipo_manager");
        let hash = hash(&world, cost, PASSWORD).await;
        world
            .sql(&format!(
                "insert into config.users (id, username, password_hash) values ('{ALICE}', 'alice', '{hash}');
                 insert into config.roles (id, name, scopes) values (gen_random_uuid(), 'reader', '{{}}');
                 insert into config.user_roles (user_id, role_id) select '{ALICE}', id from config.roles"
            ))
            .await;
        let passwords = Passwords::with_cost(DEAR, &world.entropy).expect("made");
        Self { world, manager, passwords }
    }

    async fn log_in(&self, username: &str, password: &str) -> Result<LoggedIn, AppError> {
        let caller = Caller { is_owner: false, ..Caller::system("manager") };
        let ctx = Ctx { caller: &caller, clock: &self.world.clock, entropy: &self.world.entropy };
        let limits = Limits { idle: TimeDelta::hours(1), absolute: TimeDelta::hours(24) };
        let input = Credentials { username, password, ip: ADDRESS, user_agent: "test", replaces: None };
        login::log_in(&self.manager, &ctx, &self.passwords, limits, &input).await
    }
}

async fn hash(world: &World, cost: Cost, password: &str) -> String {
    let passwords = Passwords::with_cost(cost, &world.entropy).expect("made");
    passwords.hash(password, &world.entropy).await.expect("hashed")
}

async fn changed_meanwhile(cost: Cost) {
    let house = House::new(cost).await;
    let changed = hash(&house.world, DEAR, "another gravel teapot umbra").await;
    let behind = house.world.db.superuser_pool();
    let mut change = behind.begin().await.expect("begins");
    sqlx::query("update config.users set password_hash = $1")
        .bind(&changed)
        .execute(&mut *change)
        .await
        .expect("changed");
    let (outcome, ()) = tokio::join!(house.log_in("alice", PASSWORD), async {
        // The old password was found good by now; the login waits for the account.
        house.world.until_waiting(1).await;
        change.commit().await.expect("commits");
    });
    assert!(matches!(outcome, Err(AppError::Unauthenticated { code: "INVALID_CREDENTIALS", .. })));
    assert_eq!(house.world.text("select password_hash from config.users").await, changed);
    assert_eq!(house.world.value::<i64>("select count(*) from config.sessions").await, 0);
}

#[tokio::test]
async fn a_password_changed_meanwhile_opens_no_session() {
    changed_meanwhile(DEAR).await;
}

#[tokio::test]
async fn a_rehash_never_brings_an_old_password_back() {
    changed_meanwhile(CHEAP).await;
}

#[tokio::test]
async fn a_weak_hash_is_replaced_at_login() {
    let house = House::new(CHEAP).await;
    house.log_in("alice", PASSWORD).await.expect("signs in");
    assert!(house.world.text("select password_hash from config.users").await.contains("t=2"));
    house.log_in("alice", PASSWORD).await.expect("signs in again");
}

#[tokio::test]
async fn a_good_login_does_not_punish_its_address() {
    let house = House::new(DEAR).await;
    for _ in 0..10 {
        assert!(matches!(house.log_in("nobody", "wrong").await, Err(AppError::Unauthenticated { .. })));
    }
    assert!(matches!(house.log_in("alice", PASSWORD).await, Err(AppError::RateLimited(60))));
    house.world.clock.advance(TimeDelta::seconds(60));
    house.log_in("alice", PASSWORD).await.expect("the pause is over");
    house.log_in("alice", PASSWORD).await.expect("and none began");
    // The failures before it count on: the next one pauses as the eleventh.
    house.world.clock.advance(TimeDelta::seconds(60));
    assert!(matches!(house.log_in("somebody", "wrong").await, Err(AppError::Unauthenticated { .. })));
    assert!(matches!(house.log_in("alice", PASSWORD).await, Err(AppError::RateLimited(120))));
}
