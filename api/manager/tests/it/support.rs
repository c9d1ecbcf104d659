//! What the tests share: a world with a database and a router, and a browser that keeps cookies.
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use chrono::TimeDelta;
use http_body_util::BodyExt as _;
use mipo_app::passwords::{Cost, Passwords};
use mipo_app::sessions::Limits;
use mipo_app::setup::{NewOwner, ensure_owner};
use mipo_app::{Caller, setup, template_summary};
use mipo_domain::ids::{RoleId, UserId};
use mipo_domain::sealing::Sealer;
use mipo_manager::live::{Hub, Rates};
use mipo_manager::state::{App, Parts};
use mipo_manager::{lists, service};
use mipo_store::config::{roles, users};
use mipo_testkit::{MockClock, SeededEntropy, TestDb};
use serde_json::Value;
use sqlx::PgPool;
use tower::ServiceExt as _;

/// Everybody's password in tests.
pub const PASSWORD: &str = "gravel teapot umbra lichen";
/// Where the manager is reached.
pub const HOST: &str = "127.0.0.1:8080";

/// Cheap enough for tests; what the product uses is proved beside the hasher.
pub const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

/// A manager with its database.
pub struct World {
    pub db: TestDb,
    pub app: App,
    pub clock: MockClock,
    pub superuser: PgPool,
}

/// How a world differs from the usual one.
#[derive(Clone)]
pub struct Choice {
    pub development: bool,
    pub trusted_proxies: Vec<&'static str>,
    pub cost: Cost,
    pub seed: u64,
    /// A signed scanner is served.
    pub releases: bool,
}

impl Default for Choice {
    fn default() -> Self {
        Self { development: true, trusted_proxies: Vec::new(), cost: CHEAP, seed: 1, releases: false }
    }
}

/// An app on a database; several of them are several processes, or one after a restart.
pub fn app(db: &TestDb, clock: &MockClock, choice: &Choice) -> App {
    let entropy = SeededEntropy::new(choice.seed);
    App::new(Parts {
        db: db.db_as("mipo_manager"),
        clock: Arc::new(clock.clone()),
        hub: Hub::new(&entropy),
        rates: Rates::default(),
        check_every: std::time::Duration::from_millis(100),
        overviews: Default::default(),
        session_limits: Limits { idle: TimeDelta::minutes(60), absolute: TimeDelta::hours(24) },
        stop: tokio_util::sync::CancellationToken::new(),
        development: choice.development,
        passwords: Passwords::with_cost(choice.cost, &entropy).expect("a hasher"),
        password_min_length: 15,
        sealer: Sealer::from_list(&Sealer::generate_list(&SeededEntropy::new(99))).expect("keys"),
        trusted_proxies: choice.trusted_proxies.iter().map(|net| net.parse().expect("a network")).collect(),
        public_url: None,
        releases: choice.releases,
        scan_limits: template_summary::Limits { target_ips: 16_777_216, probes: 1_000_000_000 },
        entropy: Arc::new(entropy),
    })
}

impl World {
    /// Right after the first start: nobody can sign in yet.
    pub async fn empty() -> Self {
        Self::chosen(&Choice::default()).await
    }

    /// The same with a choice.
    pub async fn chosen(choice: &Choice) -> Self {
        let db = mipo_testkit::database().await;
        let clock = MockClock::default();
        let app = app(&db, &clock, choice);
        service::seed(&app).await.expect("seeds");
        let superuser = db.superuser_pool();
        Self { db, app, clock, superuser }
    }

    /// With an owner named `owner`.
    pub async fn new() -> Self {
        let world = Self::empty().await;
        world.owner().await;
        world
    }

    /// Creates the owner.
    pub async fn owner(&self) {
        let caller = Caller::system("manager");
        let input = NewOwner { username: "owner", email: "owner@example.org", password: PASSWORD };
        let made = ensure_owner(&self.app.db, &self.app.ctx(&caller), &self.app.passwords, 15, &input).await;
        assert!(made.expect("an owner"));
    }

    /// A setup token, as the start prints it.
    pub async fn setup_token(&self) -> String {
        let caller = Caller::system("manager");
        let mut tx = self.app.db.tx("test").await.expect("a transaction");
        let token = setup::issue_token(&mut tx, &self.app.ctx(&caller)).await.expect("issued").expect("needed");
        tx.commit().await.expect("commits");
        token.reveal().to_owned()
    }

    /// A user with one role of these rights, or with a built-in role of that name.
    pub async fn user(&self, username: &str, scopes: &[&str]) -> UserId {
        let hash = self.app.passwords.hash(PASSWORD, &*self.app.entropy).await.expect("hashed");
        let id = UserId::mint(&*self.app.clock, &*self.app.entropy);
        let mut tx = self.app.db.tx("test").await.expect("a transaction");
        let user = users::NewUser { id, username, email: None, password_hash: &hash, is_owner: false };
        users::insert(&mut tx, &user).await.expect("inserted");
        let built_in = match scopes {
            [one] => roles::by_name(&mut tx, one).await.expect("reads"),
            _ => None,
        };
        let role = if let Some(role) = built_in {
            role.id
        } else {
            let id = RoleId::mint(&*self.app.clock, &*self.app.entropy);
            let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
            roles::put_built_in(&mut tx, id, &format!("role-of-{username}"), "", &scopes).await.expect("a role");
            id
        };
        users::add_role(&mut tx, id, role).await.expect("added");
        tx.commit().await.expect("commits");
        id
    }

    /// A browser that has nothing yet.
    pub fn browser(&self) -> Browser {
        Browser::new(mipo_manager::router(self.app.clone()))
    }

    /// A browser in which `username` is signed in.
    pub async fn signed_in(&self, username: &str) -> Browser {
        let mut browser = self.browser();
        browser.log_in(username).await;
        browser
    }

    /// One number from the database, whatever the roles allow.
    pub async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.superuser).await.expect("a number")
    }

    /// One text from the database.
    pub async fn text(&self, query: &'static str) -> String {
        sqlx::query_scalar(query).fetch_one(&self.superuser).await.expect("a text")
    }

    /// Does what no role of mipo may do.
    pub async fn tamper(&self, statement: &'static str) {
        sqlx::raw_sql(statement).execute(&self.superuser).await.expect("done");
    }
}

/// Keeps cookies and the CSRF token, and says where its requests begin.
#[derive(Clone)]
pub struct Browser {
    router: Router,
    pub cookies: BTreeMap<String, String>,
    pub csrf: String,
    pub ip: IpAddr,
    /// Sent with every request.
    pub headers: Vec<(&'static str, String)>,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// The code of a problem document.
    pub fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{} {}", self.status, self.body);
        self.json()["code"].as_str().expect("a code").to_owned()
    }

    /// The names of the fields that a problem document refuses.
    pub fn fields(&self) -> Vec<String> {
        let problem = self.json();
        let fields = problem["fields"].as_array().cloned().unwrap_or_default();
        fields.iter().map(|field| field["field"].as_str().expect("a name").to_owned()).collect()
    }

    pub fn location(&self) -> &str {
        self.header("location")
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{} {}", self.location(), self.body);
        self
    }
}

impl Browser {
    pub fn new(router: Router) -> Self {
        Self {
            router,
            cookies: BTreeMap::new(),
            csrf: String::new(),
            ip: IpAddr::from([192, 0, 2, 1]),
            headers: vec![],
        }
    }

    /// From another address.
    pub fn at(mut self, ip: &str) -> Self {
        self.ip = ip.parse().expect("an address");
        self
    }

    /// Asks `router`, with the same cookies.
    pub fn through(mut self, router: Router) -> Self {
        self.router = router;
        self
    }

    /// Asks another process that serves the same cookies.
    pub fn asking(mut self, app: &App) -> Self {
        self.router = mipo_manager::router(app.clone());
        self
    }

    pub async fn send(&mut self, mut request: Request<Body>) -> Answer {
        let headers = request.headers_mut();
        if !headers.contains_key(header::HOST) {
            headers.insert(header::HOST, HOST.parse().expect("a host"));
        }
        if !self.cookies.is_empty() && !headers.contains_key(header::COOKIE) {
            let all: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            headers.insert(header::COOKIE, all.join("; ").parse().expect("cookies"));
        }
        for (name, value) in &self.headers {
            headers.insert(*name, value.parse().expect("a header"));
        }
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(self.ip, 50_000)));
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let text = cookie.to_str().expect("text");
            let (name, value) = text.split(';').next().expect("a pair").split_once('=').expect("a pair");
            if text.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let body = body.collect().await.expect("a body").to_bytes();
        let body = String::from_utf8(body.to_vec()).expect("text");
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let answer = self.send(Request::get(path).body(Body::empty()).expect("a request")).await;
        if let Some(token) = answer.body.split(r#"name="_csrf" value=""#).nth(1).and_then(|rest| rest.split('"').next())
        {
            token.clone_into(&mut self.csrf);
        }
        answer
    }

    /// Posts a form as a page of ours does.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf.clone();
        let mut all = vec![("_csrf", csrf.as_str())];
        all.extend_from_slice(fields);
        let body: Vec<String> =
            all.iter().map(|(name, value)| format!("{}={}", lists::encode(name), lists::encode(value))).collect();
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", self.origin())
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(body.join("&")))
            .expect("a request");
        self.send(request).await
    }

    fn origin(&self) -> String {
        let secure = self.cookies.keys().any(|name| name.starts_with("__Host-"));
        format!("{}://{HOST}", if secure { "https" } else { "http" })
    }

    /// Calls the API as a script does.
    pub async fn api(&mut self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.api_with(method, path, body, &[]).await
    }

    pub async fn api_with(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&'static str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !self.csrf.is_empty() {
            request = request.header("x-csrf-token", &self.csrf);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        self.send(request.expect("a request")).await
    }

    /// Signs in by the API.
    pub async fn try_log_in(&mut self, username: &str, password: &str) -> Answer {
        let body = serde_json::json!({ "username": username, "password": password });
        let answer = self.api(Method::POST, "/api/auth/login", Some(body)).await;
        if answer.status == StatusCode::OK {
            self.csrf = answer.json()["csrfToken"].as_str().expect("a token").to_owned();
        }
        answer
    }

    pub async fn log_in(&mut self, username: &str) {
        self.try_log_in(username, PASSWORD).await.expect(200);
    }
}
