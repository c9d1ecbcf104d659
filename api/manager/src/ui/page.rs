//! What every page has: who looks, where they are, and what the shell around the content shows.
use std::convert::Infallible;

use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use mipo_domain::rights::{Right, Rights};
use mipo_store::StoreError;

use super::errors::Error;
use super::flash::{self, Flash};
use super::help::{self, Help};
use super::nav::{self, AreaView};
use super::show::{self, At, Html, MaybeAt};
use crate::http::Client;
use crate::signed::SignedIn;
use crate::state::App;

/// Counts that the navigation shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Scans that run.
    pub running_scans: i64,
    /// Alarms that are open.
    pub open_alarms: i64,
}

/// The frame around every signed-in page, made once a request. It has no Debug output, because it holds a token.
#[derive(Clone)]
pub struct Shell {
    /// User name.
    pub username: String,
    /// The owner sees everything.
    pub is_owner: bool,
    /// Their rights.
    pub rights: Rights,
    /// CSRF token of the session.
    pub csrf: String,
    /// `light`, `dark`, or empty for the system's.
    pub theme: &'static str,
    /// True in a local trial.
    pub development: bool,
    /// Counts for the navigation.
    pub counts: Counts,
    /// Position in the live stream from before the page's data were read.
    pub live_id: String,
    /// A sentence from the request before this one.
    pub flash: Option<Flash>,
    /// When the page was asked for.
    pub now: DateTime<Utc>,
}

impl Shell {
    /// The frame for `signed`, as things are now.
    pub(super) async fn read(app: &App, signed: SignedIn, flash: Option<Flash>) -> Result<Self, StoreError> {
        // Noted before anything is read: what changes from here on is told to the page by its stream.
        let live_id = app.hub.position();
        let counts = counts(app).await?;
        Ok(Self {
            username: signed.caller.actor.name().to_owned(),
            is_owner: signed.caller.is_owner,
            rights: signed.caller.rights,
            csrf: signed.csrf,
            theme: signed.theme,
            development: app.development,
            counts,
            live_id,
            flash,
            now: app.clock.now(),
        })
    }

    /// True when the user has `right`.
    pub fn may(&self, right: Right) -> bool {
        self.is_owner || self.rights.contains(&right)
    }
}

/// A step of the breadcrumb before the page itself.
#[derive(Clone, Debug)]
pub struct Crumb {
    /// Words.
    pub title: String,
    /// Where it leads; empty for an area that has no page.
    pub href: String,
}

/// The page: shell, title, place. Every template has it as its field `page`. It has no Debug
/// output, because the frame holds a token.
#[derive(Clone)]
pub struct Page {
    /// The frame.
    pub shell: Shell,
    /// Title; also the heading.
    pub title: String,
    /// Path of the navigation entry that is current.
    pub place: String,
    /// Steps before it.
    pub crumbs: Vec<Crumb>,
    /// What it is for.
    pub help: Option<&'static Help>,
}

impl Page {
    /// An untitled page in `shell`; follow with [`Page::at`].
    pub const fn new(shell: Shell) -> Self {
        Self { shell, title: String::new(), place: String::new(), crumbs: Vec::new(), help: None }
    }

    /// Sets the navigation entry (its `path` in [`nav::AREAS`]) and the title. The breadcrumb starts with the area.
    #[must_use]
    pub fn at(mut self, place: &str, title: impl Into<String>) -> Self {
        self.title = title.into();
        place.clone_into(&mut self.place);
        let key = place.split('/').nth(1).unwrap_or_default();
        if let Some(area) = nav::AREAS.iter().find(|area| area.key == key) {
            self.crumbs.push(Crumb { title: area.title.to_owned(), href: String::new() });
        }
        self
    }

    /// Adds a step to the breadcrumb, before the title.
    #[must_use]
    pub fn under(mut self, title: impl Into<String>, href: impl Into<String>) -> Self {
        self.crumbs.push(Crumb { title: title.into(), href: href.into() });
        self
    }

    /// The navigation as this user sees it here.
    pub fn nav(&self) -> Vec<AreaView> {
        nav::view(&self.shell, &self.place)
    }

    /// What the counts of the navigation listen to.
    pub fn nav_topics(&self) -> String {
        nav::topics(&self.shell).join(" ")
    }

    /// Themes to choose from, as (value, words); the value of the system's is empty.
    pub const fn themes(&self) -> &'static [(&'static str, &'static str)] {
        &[("", "Theme: as the system"), ("light", "Theme: light"), ("dark", "Theme: dark")]
    }

    /// True when the user has the right, written as `scans:execute`.
    pub fn may(&self, right: &str) -> bool {
        right.parse().is_ok_and(|right| self.shell.may(right))
    }

    /// The hidden field of every form.
    pub fn csrf_field(&self) -> Html {
        show::csrf_field(&self.shell.csrf)
    }

    /// An instant: the time alone if it is of today, else with its date; the whole of it as title.
    pub fn time(&self, at: impl At) -> Html {
        show::time(at.at(), self.shell.now)
    }

    /// An instant whose day is enough when it is not today.
    pub fn day(&self, at: impl At) -> Html {
        show::day(at.at(), self.shell.now)
    }

    /// An instant that may be missing, as a dash then.
    pub fn time_or_dash(&self, at: impl MaybeAt) -> Html {
        at.maybe_at().map_or_else(show::dash, |at| self.time(at))
    }

    /// How long ago; kept true by a script.
    pub fn ago(&self, at: impl At) -> Html {
        show::ago(at.at(), self.shell.now)
    }

    /// How long ago, or the word for never.
    pub fn ago_or(&self, at: impl MaybeAt, never: &str) -> Html {
        at.maybe_at().map_or_else(|| show::faint(never), |at| self.ago(at))
    }

    /// The version of mipo.
    pub const fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}

impl FromRequestParts<App> for Page {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let signed = SignedIn::from_request_parts(parts, app).await?;
        let secure = parts.extensions.get::<Client>().is_some_and(|client| client.secure);
        let flash = flash::read(&parts.headers, secure);
        let shell = Shell::read(app, signed, flash).await.map_err(|error| Error::from(error).into_response())?;
        let route = parts.extensions.get::<MatchedPath>();
        Ok(Self { help: route.and_then(|route| help::of(route.as_str())), ..Self::new(shell) })
    }
}

async fn counts(app: &App) -> Result<Counts, StoreError> {
    let mut conn = app.db.pool().acquire().await?;
    let counts = mipo_store::results::glance::counts(&mut conn).await?;
    Ok(Counts { running_scans: counts.running_scans, open_alarms: counts.open_alarms })
}

/// Which region of a page is asked for: `HX-Target: div#rows` asks for `rows`. Absent for a whole page.
#[derive(Clone, Debug, Default)]
pub struct Region(Option<String>);

impl Region {
    /// Its name.
    pub fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Region {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        if header("hx-request") != Some("true") {
            return Ok(Self(None));
        }
        Ok(Self(header("hx-target").and_then(|target| target.split_once('#')).map(|(_, id)| id.to_owned())))
    }
}
