//! `GET /live?topics=`: one open stream, what the hub says narrowed to what the page asked for and the user may see.
use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State as Extract};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive};
use axum::response::{IntoResponse as _, Response, Sse};
use axum::routing::get;
use futures::Stream;
use futures::stream::unfold;
use mipo_app::{AppError, Caller, sessions};
use mipo_domain::rights::{Right, Rights};
use mipo_store::config::live::topics;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Interest;
use super::hub::{Hub, Message, Numbered, Subscription, Watching};
use crate::http::Problem;
use crate::lists::pairs;
use crate::signed::SignedIn;
use crate::state::App;

/// Session and rights are read again this often (product S9).
pub const CHECK_EVERY: Duration = Duration::from_secs(30);
/// A comment this often keeps proxies from closing a quiet stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Told at shutdown: long enough for a restart, short enough to be back soon.
const RETRY: Duration = Duration::from_secs(2);
/// Most topics that one page may name.
pub const TOPICS_MAX: usize = 32;

/// What the session says when it is looked at again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It goes on with these rights.
    Holds(Rights),
    /// It could not be looked at: the stream stays as it is.
    Unknown,
    /// It has ended, and so does the stream.
    Ended,
}

/// The stream.
pub fn routes() -> Router<App> {
    Router::new().route("/live", get(live))
}

async fn live(signed: SignedIn, headers: HeaderMap, RawQuery(raw): RawQuery, Extract(app): Extract<App>) -> Response {
    // Only our own pages may listen; another site could not read the stream, but it could hold it open.
    if headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin") {
        return Problem::new(StatusCode::FORBIDDEN, "CSRF", "The stream is for pages of mipo.").into_response();
    }
    let query = pairs(raw.as_deref().unwrap_or_default());
    let value = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let asked: Vec<&str> = value("topics").unwrap_or_default().split(',').filter(|topic| !topic.is_empty()).collect();
    if asked.is_empty() || asked.len() > TOPICS_MAX {
        return wrong(format!("Name 1 to {TOPICS_MAX} topics."));
    }
    let mut interests = Vec::new();
    for topic in asked {
        let Some(interest) = Interest::parse(topic) else {
            return wrong(format!("There is no topic {topic:?}."));
        };
        interests.push(interest);
    }
    let rights = rights_of(&signed.caller);
    if !interests.iter().any(|interest| rights.contains(&interest.right)) {
        let detail = "None of your roles may see these topics.";
        return Problem::new(StatusCode::FORBIDDEN, "FORBIDDEN", detail).into_response();
    }
    let last_id = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok())
        .or_else(|| value("since"))
        .filter(|id| !id.is_empty());
    let check = {
        let app = app.clone();
        move || still(app.clone(), signed.clone())
    };
    let times = Times { check_every: app.check_every, stop: app.stop.clone() };
    open(app.hub.clone(), interests, rights, last_id, times, check).into_response()
}

fn wrong(message: String) -> Response {
    Problem::from(AppError::invalid("topics", "unknown_topic", message)).into_response()
}

fn rights_of(caller: &Caller) -> Rights {
    if caller.is_owner { Right::ALL.iter().copied().collect() } else { caller.rights.clone() }
}

/// The rights that the session has now. While the database is away the stream stays as it is: nothing is told anyway.
async fn still(app: App, signed: SignedIn) -> Standing {
    let Some(session) = signed.session else { return Standing::Ended };
    let look = async {
        let mut conn = app.db.pool().acquire().await.map_err(mipo_store::StoreError::from)?;
        sessions::look(&mut conn, app.clock.now(), app.session_limits, session).await
    };
    match look.await {
        Ok(Some(standing)) => Standing::Holds(rights_of(&standing.caller)),
        Ok(None) => Standing::Ended,
        Err(error) => {
            tracing::warn!(%error, "the session of a live stream could not be looked at");
            Standing::Unknown
        }
    }
}

/// When a stream looks up from its work.
#[derive(Clone, Debug)]
pub struct Times {
    /// Between two looks at the session.
    pub check_every: Duration,
    /// Cancelled when the stream is to be closed with a hint to come back.
    pub stop: CancellationToken,
}

struct State<F> {
    hub: Hub,
    subscription: Subscription,
    interests: Vec<Interest>,
    rights: Rights,
    check: F,
    next_check: Instant,
    times: Times,
    last: Option<u64>,
    done: bool,
    /// Keeps the queues sampled as long as the stream is open.
    _watching: Option<Watching>,
}

/// Opens a stream for `interests`. `check` reads the session anew; the stream ends with it, and a
/// topic whose right was lost falls silent.
pub fn open<F, Fut>(
    hub: Hub,
    interests: Vec<Interest>,
    rights: Rights,
    last_id: Option<&str>,
    times: Times,
    check: F,
) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<F, Fut>>
where
    F: Fn() -> Fut + Send + 'static,
    Fut: Future<Output = Standing> + Send + 'static,
{
    let subscription = hub.subscribe(last_id);
    let queues = interests.iter().any(|interest| interest.topic == topics::QUEUES && rights.contains(&interest.right));
    let watching = queues.then(|| hub.watch());
    let state = State {
        hub,
        subscription,
        interests,
        rights,
        check,
        next_check: Instant::now() + times.check_every,
        times,
        last: None,
        done: false,
        _watching: watching,
    };
    Sse::new(unfold(state, next)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

async fn next<F, Fut>(mut state: State<F>) -> Option<(Result<Event, Infallible>, State<F>)>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Standing>,
{
    if state.done {
        return None;
    }
    loop {
        let numbered = if state.subscription.missed.is_empty() {
            tokio::select! {
                () = state.times.stop.cancelled() => {
                    state.done = true;
                    return Some((Ok(Event::default().event("restart").retry(RETRY).data("")), state));
                }
                () = tokio::time::sleep_until(state.next_check) => {
                    state.next_check = Instant::now() + state.times.check_every;
                    match (state.check)().await {
                        Standing::Holds(rights) => state.rights = rights,
                        Standing::Unknown => {}
                        Standing::Ended => {
                            state.done = true;
                            return Some((Ok(Event::default().event("ended").data("")), state));
                        }
                    }
                    continue;
                }
                received = state.subscription.receiver.recv() => match received {
                    Ok(numbered) => numbered,
                    // Too slow: skip what was lost and look at the current state.
                    Err(RecvError::Lagged(_)) => {
                        let place = state.hub.position();
                        state.subscription = state.hub.subscribe(None);
                        return Some((Ok(Event::default().event("refresh").id(place).data("")), state));
                    }
                    Err(RecvError::Closed) => return None,
                }
            }
        } else {
            state.subscription.missed.remove(0)
        };
        if state.last.is_some_and(|last| numbered.n <= last) {
            continue;
        }
        state.last = Some(numbered.n);
        if let Some(event) = state.event_of(&numbered) {
            return Some((Ok(event), state));
        }
    }
}

impl<F> State<F> {
    fn event_of(&self, numbered: &Numbered) -> Option<Event> {
        let event = Event::default().id(self.hub.id_of(numbered.n));
        match &numbered.message {
            Message::Refresh => Some(event.event("refresh").data("")),
            Message::Changed(heard) => self
                .interests
                .iter()
                .any(|interest| {
                    self.rights.contains(&interest.right) && interest.covers(&heard.topic, &heard.entity_id)
                })
                .then(|| {
                    event.event("changed").data(json!({ "topic": heard.topic, "id": heard.entity_id }).to_string())
                }),
        }
    }
}
