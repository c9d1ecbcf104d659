//! Somebody who is signed in and looks at pages.
use std::time::{Duration, Instant};

use mipo_app::passwords::Passwords;
use mipo_app::setup::{NewOwner, ensure_owner};
use mipo_app::{Caller, Ctx, builtins, seeds};
use mipo_runtime::{OsEntropy, SystemClock};
use mipo_store::Db;
use ureq::Agent;

const OWNER: &str = "owner";
const PASSWORD: &str = "a long enough phrase for the bench";

/// How long the manager may take to its first answer.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// No page is as long.
const LONGEST_PAGE: u64 = 64 << 20;

/// A signed-in owner.
#[derive(Debug)]
pub struct Visitor {
    agent: Agent,
    base: String,
    cookie: String,
}

/// Makes what a first start seeds, and the owner.
pub async fn make_owner(db: &Db) -> Result<(), String> {
    let caller = Caller::cli();
    let ctx = Ctx { caller: &caller, clock: &SystemClock, entropy: &OsEntropy };
    let mut tx = db.tx("bench.seed").await.map_err(|error| error.to_string())?;
    seeds::identity(&mut tx, &ctx).await.map_err(|error| error.to_string())?;
    builtins::seed(&mut tx, &ctx).await.map_err(|error| error.to_string())?;
    tx.commit().await.map_err(|error| error.to_string())?;
    let passwords = Passwords::new(&OsEntropy).map_err(|error| error.to_string())?;
    let owner = NewOwner { username: OWNER, email: "owner@example.org", password: PASSWORD };
    ensure_owner(db, &ctx, &passwords, 15, &owner).await.map(|_| ()).map_err(|error| error.to_string())
}

impl Visitor {
    /// Signs in as soon as the manager at `base` answers.
    pub fn sign_in(base: String) -> Result<Self, String> {
        let agent: Agent = Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into();
        let body = serde_json::json!({ "username": OWNER, "password": PASSWORD });
        let until = Instant::now() + STARTS_WITHIN;
        loop {
            let answer = agent.post(format!("{base}/api/auth/login")).send_json(&body);
            if let Ok(answer) = &answer
                && answer.status() == 200
            {
                let cookie = answer.headers().get("set-cookie").and_then(|value| value.to_str().ok());
                let cookie = cookie.and_then(|text| text.split(';').next()).ok_or("no session came back")?.to_owned();
                return Ok(Self { agent, base, cookie });
            }
            if Instant::now() > until {
                return Err(format!("the manager lets nobody in: {answer:?}"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Milliseconds until the whole of a page was there.
    pub fn get(&self, path: &str) -> Result<f64, String> {
        let begun = Instant::now();
        let answer = self.agent.get(format!("{}{path}", self.base)).header("cookie", &self.cookie).call();
        let mut answer = answer.map_err(|error| format!("{path}: {error}"))?;
        let status = answer.status();
        let text = answer.body_mut().with_config().limit(LONGEST_PAGE).read_to_string();
        let took = begun.elapsed().as_secs_f64() * 1e3;
        text.map_err(|error| format!("{path}: {error}"))?;
        if status == 200 { Ok(took) } else { Err(format!("{path} answered {status}")) }
    }
}
