//! A manager with a database of its own, and people who are signed in to it.
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode, header};
use chrono::TimeDelta;
use http_body_util::BodyExt as _;
use mipo_app::passwords::{Cost, Passwords};
use mipo_app::sessions::{self, Limits};
use mipo_app::{Actor, Caller};
use mipo_domain::clock::Clock as _;
use mipo_domain::ids::{ScannerId, SubnetId, TemplateId, UserId};
use mipo_domain::rights::Rights;
use mipo_domain::sealing::Sealer;
use mipo_manager::live::{Hub, Rates};
use mipo_manager::state::{App, Parts};
use mipo_testkit::{MockClock, SeededEntropy, TestDb};
use serde_json::Value;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// Everything that a test needs.
pub struct World {
    /// The router's state.
    pub app: App,
    /// The time.
    pub clock: MockClock,
    /// May do anything.
    pub root: PgPool,
    router: Router,
    // Dropped last: the pools above belong to it.
    _db: TestDb,
}

/// Somebody who is signed in, in one browser.
pub struct Person {
    router: Router,
    cookie: String,
    csrf: String,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Where it sends the browser.
    pub fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |value| value.to_str().unwrap())
    }
}

impl World {
    /// A seeded manager at the test clock's time.
    pub async fn new() -> Self {
        let db = mipo_testkit::database().await;
        let clock = MockClock::default();
        let entropy = Arc::new(SeededEntropy::default());
        let app = App::new(Parts {
            db: db.db_as("mipo_manager"),
            clock: Arc::new(clock.clone()),
            hub: Hub::new(&*entropy),
            rates: Rates::default(),
            check_every: std::time::Duration::from_millis(100),
            overviews: Default::default(),
            session_limits: Limits { idle: TimeDelta::minutes(60), absolute: TimeDelta::hours(24) },
            stop: CancellationToken::new(),
            development: true,
            passwords: Passwords::with_cost(Cost { memory_kib: 64, passes: 1, lanes: 1 }, &*entropy).unwrap(),
            password_min_length: 15,
            sealer: Sealer::from_list(&Sealer::generate_list(&*entropy)).unwrap(),
            trusted_proxies: Vec::new(),
            public_url: None,
            releases: false,
            scan_limits: mipo_app::template_summary::Limits::default(),
            entropy,
        });
        mipo_manager::service::seed(&app).await.unwrap();
        let router = mipo_manager::router(app.clone());
        Self { app, clock, root: db.superuser_pool(), router, _db: db }
    }

    /// The owner, signed in.
    pub async fn owner(&self) -> Person {
        let id = self.insert_user("owner", true, "admin").await;
        self.sign_in(id, "owner").await
    }

    /// Somebody with a built-in role, signed in.
    pub async fn person(&self, username: &str, role: &str) -> Person {
        let id = self.insert_user(username, false, role).await;
        self.sign_in(id, username).await
    }

    /// A browser in which nobody is signed in.
    pub fn stranger(&self) -> Person {
        Person { router: self.router.clone(), cookie: String::new(), csrf: String::new() }
    }

    async fn insert_user(&self, username: &str, owner: bool, role: &str) -> UserId {
        let id = UserId::mint(&self.clock, &*self.app.entropy);
        // In one statement, because nobody is without a role.
        sqlx::query(
            "with added as (
               insert into config.users (id, username, password_hash, is_owner) values ($1, $2, 'x', $3) returning id)
             insert into config.user_roles (user_id, role_id) select a.id, r.id from added a, config.roles r where r.name = $4",
        )
        .bind(id.as_uuid())
        .bind(username)
        .bind(owner)
        .bind(role)
        .execute(&self.root)
        .await
        .unwrap();
        id
    }

    async fn sign_in(&self, id: UserId, username: &str) -> Person {
        let caller = Caller {
            actor: Actor::User { id, username: username.to_owned() },
            rights: Rights::new(),
            is_owner: false,
            ip: None,
            request_id: None,
            reauth_at: None,
        };
        let mut tx = self.app.db.tx("test.sign_in").await.unwrap();
        let ctx = self.app.ctx(&caller);
        let ip = "127.0.0.1".parse().unwrap();
        let opened = sessions::open(&mut tx, &ctx, self.app.session_limits, (id, username), ip, "test").await.unwrap();
        tx.commit().await.unwrap();
        let cookie = format!("mipo={}", opened.token.reveal());
        Person { router: self.router.clone(), cookie, csrf: opened.csrf }
    }

    /// A scanner that is active.
    pub async fn scanner(&self, name: &str) -> ScannerId {
        let id = ScannerId::mint(&self.clock, &*self.app.entropy);
        sqlx::query(
            "insert into config.scanners (id, name, status, last_heartbeat_at, first_heartbeat_at, created_by)
             values ($1, $2, 'active', $3, $3, 'test')",
        )
        .bind(id.as_uuid())
        .bind(name)
        .bind(self.clock.now())
        .execute(&self.root)
        .await
        .unwrap();
        id
    }

    /// A template of one subnet that `scanner` scans for the built-in port list `top-100`.
    pub async fn template(&self, name: &str, cidr: &str, scanner: ScannerId) -> TemplateId {
        let id = TemplateId::mint(&self.clock, &*self.app.entropy);
        let subnet = SubnetId::mint(&self.clock, &*self.app.entropy);
        for (sql, other) in [
            ("insert into config.subnets (id, name, cidr) values ($1, $3, $2::text::cidr)", cidr.to_owned()),
            (
                "insert into config.target_scanners (subnet_id, scanner_id) select $1, $2::text::uuid where $3 <> ''",
                scanner.to_string(),
            ),
        ] {
            sqlx::query(sql).bind(subnet.as_uuid()).bind(other).bind(name).execute(&self.root).await.unwrap();
        }
        // In one statement, because no template is without targets and ports.
        sqlx::query(
            "with added as (
               insert into config.scan_templates (id, name, created_by) values ($1, $3, 'test') returning id),
             targets as (insert into config.scan_template_targets (template_id, subnet_id) select id, $2 from added)
             insert into config.scan_template_ports (template_id, port_list_id)
             select a.id, l.id from added a, config.port_lists l where l.name = 'top-100'",
        )
        .bind(id.as_uuid())
        .bind(subnet.as_uuid())
        .bind(name)
        .execute(&self.root)
        .await
        .unwrap();
        id
    }
}

impl Person {
    /// Reads a page or an answer.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path)).await
    }

    /// Reads one region of a page, as the page's script does.
    pub async fn region(&self, path: &str, id: &str) -> Answer {
        self.send(Request::get(path).header("hx-request", "true").header("hx-target", format!("div#{id}"))).await
    }

    /// Sends a form.
    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut pairs = vec![format!("_csrf={}", self.csrf)];
        pairs.extend(fields.iter().map(|(name, value)| format!("{name}={}", mipo_manager::lists::encode(value))));
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send_body(request, pairs.join("&")).await
    }

    /// Sends JSON.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-csrf-token", self.csrf.as_str());
        self.send_body(request, body.to_string()).await
    }

    /// Sends JSON under an idempotency key.
    pub async fn post_once(&self, path: &str, key: &str, body: Value) -> Answer {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-csrf-token", self.csrf.as_str())
            .header("idempotency-key", key);
        self.send_body(request, body.to_string()).await
    }

    /// Asks for a stream as a page of another site does.
    pub async fn open_from(&self, path: &str, site: &str) -> Answer {
        self.send(Request::get(path).header("sec-fetch-site", site)).await
    }

    /// Opens a stream and gives it back unread.
    pub async fn open(&self, path: &str, last_id: Option<&str>) -> axum::response::Response {
        let mut request = Request::get(path).header("sec-fetch-site", "same-origin");
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        self.call(request, Body::empty()).await
    }

    async fn send(&self, request: axum::http::request::Builder) -> Answer {
        self.send_body(request, String::new()).await
    }

    async fn send_body(&self, request: axum::http::request::Builder, body: String) -> Answer {
        let response = self.call(request, Body::from(body)).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    async fn call(&self, request: axum::http::request::Builder, body: Body) -> axum::response::Response {
        let mut request = request.header(header::HOST, "localhost:8080").body(body).unwrap();
        if !self.cookie.is_empty() {
            request.headers_mut().insert(header::COOKIE, self.cookie.parse().unwrap());
        }
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 40_000))));
        self.router.clone().oneshot(request).await.unwrap()
    }
}
