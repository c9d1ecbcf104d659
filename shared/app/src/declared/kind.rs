//! What all kinds of objects have in common: compared by name, made, changed, deleted.
use std::collections::{BTreeMap, BTreeSet};

use mipo_store::Conn;
use mipo_store::lists::Named;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{Action, Refused, Step};
use crate::fields::Checks;
use crate::{AppError, Ctx};

/// An object as it stands in a document.
pub(super) trait Kind: Clone + PartialEq + Serialize {
    /// What it is called: `subnet`, `port list`, …
    const NAME: &'static str;

    /// Its name.
    fn name(&self) -> &str;

    /// The one way to write it: references sorted, ports and networks in their usual form. What cannot be read stays
    /// as it is, and is refused when it is stored.
    fn tidy(self) -> Self;

    /// The lists of names in it, and what they name.
    fn references(&mut self) -> Vec<(&'static str, &mut Vec<String>)> {
        Vec::new()
    }

    /// Everything that is there.
    fn stored(conn: &mut Conn, ctx: &Ctx<'_>) -> impl Future<Output = Result<Vec<Stored<Self>>, AppError>> + Send;

    /// Makes it.
    fn create(
        &self,
        conn: &mut Conn,
        ctx: &Ctx<'_>,
        names: &Names,
    ) -> impl Future<Output = Result<Uuid, AppError>> + Send;

    /// Makes what is `stored` like it.
    fn update(
        &self,
        conn: &mut Conn,
        ctx: &Ctx<'_>,
        names: &Names,
        stored: &Stored<Self>,
    ) -> impl Future<Output = Result<(), AppError>> + Send;

    /// Deletes what is stored under `id`.
    fn delete(conn: &mut Conn, ctx: &Ctx<'_>, id: Uuid) -> impl Future<Output = Result<(), AppError>> + Send;
}

/// An object that is there.
#[derive(Clone, Debug)]
pub(super) struct Stored<K> {
    /// Its id.
    pub(super) id: Uuid,
    /// Its version; 0 where there is none.
    pub(super) version: i32,
    /// Shipped with mipo: it can be named, and not be changed.
    pub(super) built_in: bool,
    /// What it is.
    pub(super) spec: K,
}

/// Names and ids by kind and name in lower case, of everything that was there or was made so far: names differ by more
/// than their case.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<(&'static str, String), (String, Uuid)>);

impl Names {
    fn add(&mut self, kind: &'static str, name: &str, id: Uuid) {
        self.0.insert((kind, name.to_lowercase()), (name.to_owned(), id));
    }

    /// Writes references as the objects write themselves.
    fn spell(&self, spec: &mut impl Kind) {
        for (kind, names) in spec.references() {
            for name in names.iter_mut() {
                if let Some((own, _)) = self.0.get(&(kind, name.to_lowercase())) {
                    own.clone_into(name);
                }
            }
        }
    }

    /// The ids of what `names` names; each that names nothing is refused.
    pub(super) fn ids<T: From<Uuid>>(
        &self,
        checks: &mut Checks,
        field: &str,
        kind: &'static str,
        names: &[String],
    ) -> Vec<T> {
        let mut ids = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            match self.0.get(&(kind, name.to_lowercase())) {
                Some((_, id)) => ids.push(T::from(*id)),
                None => checks.refuse(
                    format!("{field}[{index}]"),
                    "unknown",
                    format!("There is no {kind} called “{name}”, here or in the document."),
                ),
            }
        }
        ids
    }
}

/// A text as it is stored: without space around it, lines ended by one character.
pub(super) fn text(text: &str) -> String {
    text.trim().replace("\r\n", "\n")
}

/// Names, sorted, each once.
pub(super) fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_by_key(|name| name.to_lowercase());
    names.dedup_by_key(|name| name.to_lowercase());
    names
}

/// The names of what a row refers to.
pub(super) fn names_of(rows: &[Named]) -> Vec<String> {
    sorted(rows.iter().map(|row| row.name.clone()).collect())
}

/// Rows of one read.
pub(super) const PAGE: i64 = 500;

/// Reads a list to its end: `all!(subnets::list, conn, ctx)`. A macro, because a closure that lends the connection again
/// for each page cannot be sent between threads.
macro_rules! all {
    ($list:path, $conn:expr, $ctx:expr $(, $of:expr)?) => {{
        let mut items = Vec::new();
        loop {
            let offset = i64::try_from(items.len()).unwrap_or(i64::MAX);
            let ask = mipo_store::lists::Ask {
                offset,
                ..mipo_store::lists::Ask::first($crate::declared::kind::PAGE, "name")
            };
            let found = $list($conn, $ctx, $($of,)? &ask).await?.items;
            let last = i64::try_from(found.len()).unwrap_or(i64::MAX) < $crate::declared::kind::PAGE;
            items.extend(found);
            if last {
                break items;
            }
        }
    }};
}
pub(super) use all;

/// Everything of a kind, by name.
pub(super) async fn export<K: Kind>(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Vec<K>, AppError> {
    let stored = K::stored(conn, ctx).await?;
    let mut specs: Vec<K> = stored.into_iter().filter(|one| !one.built_in).map(|one| one.spec.tidy()).collect();
    specs.sort_by_key(|spec| spec.name().to_lowercase());
    Ok(specs)
}

/// Makes and changes what `wanted` names; answers what is there besides.
pub(super) async fn put<K: Kind>(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    wanted: &[K],
    names: &mut Names,
    steps: &mut Vec<Step>,
) -> Result<Vec<Stored<K>>, Refused> {
    let whole = |error| Refused { what: format!("{}s", K::NAME), error };
    let stored = K::stored(conn, ctx).await.map_err(whole)?;
    let mut there: BTreeMap<String, Stored<K>> = BTreeMap::new();
    for one in stored {
        names.add(K::NAME, one.spec.name(), one.id);
        there.insert(one.spec.name().to_lowercase(), one);
    }
    let mut seen = BTreeSet::new();
    for spec in wanted {
        let refused = |error| Refused { what: format!("{} {}", K::NAME, spec.name()), error };
        if !seen.insert(spec.name().to_lowercase()) {
            let message = "The document has two of this name; take one of them away.";
            return Err(refused(AppError::invalid("name", "twice", message)));
        }
        let mut spec = spec.clone();
        names.spell(&mut spec);
        let spec = spec.tidy();
        match there.remove(&spec.name().to_lowercase()) {
            None => {
                let id = spec.create(conn, ctx, names).await.map_err(refused)?;
                names.add(K::NAME, spec.name(), id);
                steps.push(step::<K>(Action::Create, None, Some(&spec)));
            }
            Some(one) => {
                let before = one.spec.clone().tidy();
                if before != spec {
                    spec.update(conn, ctx, names, &one).await.map_err(refused)?;
                    steps.push(step(Action::Update, Some(&before), Some(&spec)));
                }
            }
        }
    }
    Ok(there.into_values().filter(|one| !one.built_in).collect())
}

/// Deletes what the document does not name.
pub(super) async fn prune<K: Kind>(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    extra: Vec<Stored<K>>,
    steps: &mut Vec<Step>,
) -> Result<(), Refused> {
    for one in extra {
        let refused = |error| Refused { what: format!("{} {}", K::NAME, one.spec.name()), error };
        K::delete(conn, ctx, one.id).await.map_err(refused)?;
        steps.push(step(Action::Delete, Some(&one.spec), None));
    }
    Ok(())
}

fn step<K: Kind>(action: Action, before: Option<&K>, after: Option<&K>) -> Step {
    let fields = |spec: Option<&K>| match spec.map(serde_json::to_value) {
        Some(Ok(Value::Object(fields))) => fields,
        _ => serde_json::Map::new(),
    };
    let name = before.or(after).map(|spec| spec.name().to_owned()).unwrap_or_default();
    let (before, after) = (fields(before), fields(after));
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).filter(|key| *key != "name").collect();
    let value = |side: &serde_json::Map<String, Value>, key: &String| side.get(key).cloned().unwrap_or(Value::Null);
    let fields = keys
        .into_iter()
        .map(|key| (key.clone(), value(&before, key), value(&after, key)))
        .filter(|(_, before, after)| before != after)
        .collect();
    Step { action, kind: K::NAME, name, fields }
}
