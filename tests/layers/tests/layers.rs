//! The import rules of `docs/ARCHITECTURE.md`, over what cargo knows and over the sources.
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace root exists")
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        // Only what this platform links: other platforms' packages are not downloaded.
        .other_options(vec![
            "--locked".into(),
            "--offline".into(),
            "--filter-platform".into(),
            format!("{}-unknown-linux-gnu", std::env::consts::ARCH),
        ])
        .exec()
        .expect("cargo metadata answers")
}

/// Normal dependencies by name, one step.
fn direct(package: &Package) -> BTreeSet<String> {
    package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal).map(|d| d.name.clone()).collect()
}

/// Everything that a package links, by name.
fn linked(metadata: &Metadata, name: &str) -> BTreeSet<String> {
    let resolve = metadata.resolve.as_ref().expect("metadata was resolved");
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let start = metadata.packages.iter().find(|p| p.name.as_str() == name).expect("the package exists");
    let (mut seen, mut queue) = (BTreeSet::new(), VecDeque::from([&start.id]));
    while let Some(id) = queue.pop_front() {
        for dep in &nodes[id].deps {
            let normal = dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
            if normal && seen.insert(&dep.pkg) {
                queue.push_back(&dep.pkg);
            }
        }
    }
    seen.into_iter().map(|id| metadata[id].name.to_string()).collect()
}

/// Who may import which crates of ours. Dev-dependencies are free: tests meet the whole house.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("mipo-domain", &[]),
    ("mipo-protocol", &["mipo-domain"]),
    ("mipo-scanner", &["mipo-domain", "mipo-protocol"]),
    ("mipo-queue", &["mipo-domain"]),
    ("mipo-store", &["mipo-domain"]),
    ("mipo-app", &["mipo-domain", "mipo-protocol", "mipo-queue", "mipo-store"]),
    ("mipo-runtime", &["mipo-domain", "mipo-protocol"]),
    ("mipo-manager", &["mipo-app", "mipo-domain", "mipo-runtime", "mipo-store"]),
    ("mipo-ingest", &["mipo-app", "mipo-domain", "mipo-protocol", "mipo-runtime", "mipo-store"]),
    ("mipo-dispatcher", &["mipo-app", "mipo-domain", "mipo-protocol", "mipo-queue", "mipo-runtime", "mipo-store"]),
    ("mipo-backup", &["mipo-app", "mipo-domain", "mipo-queue", "mipo-runtime", "mipo-store"]),
];

#[test]
fn crates_import_only_what_the_house_allows() {
    let metadata = metadata();
    for (name, allowed) in MAY_IMPORT {
        let package = metadata.packages.iter().find(|p| p.name.as_str() == *name).expect("the crate exists");
        for dependency in direct(package).iter().filter(|d| d.starts_with("mipo-")) {
            assert!(allowed.contains(&dependency.as_str()), "{name} imports {dependency}; it may import {allowed:?}");
        }
    }
    let listed: BTreeSet<&str> = MAY_IMPORT.iter().map(|(name, _)| *name).collect();
    let free = ["mipo", "mipo-testkit", "mipo-bench", "mipo-layers", "mipo-system"];
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        assert!(listed.contains(name) || free.contains(&name), "{name} has no import rule: add it to MAY_IMPORT");
        assert!(
            name == "mipo-testkit" || !direct(package).contains("mipo-testkit"),
            "{name} links mipo-testkit; it is for tests only"
        );
    }
}

#[test]
fn libraries_stay_in_their_rooms() {
    let metadata = metadata();
    let only: &[(&str, &[&str])] = &[
        ("sqlx", &["mipo-store", "mipo-queue", "mipo-testkit", "mipo-system", "mipo-bench"]),
        ("axum", &["mipo-manager", "mipo-ingest", "mipo-backup", "mipo-runtime", "mipo"]),
        (
            "apalis-core",
            &["mipo-queue", "mipo-dispatcher", "mipo-backup", "mipo-manager", "mipo-testkit", "mipo-bench"],
        ),
    ];
    for package in metadata.workspace_packages() {
        for (library, rooms) in only {
            let name = package.name.as_str();
            assert!(
                !direct(package).contains(*library) || rooms.contains(&name),
                "{name} names {library}; only {rooms:?} may"
            );
        }
    }
}

#[test]
fn the_scanner_links_no_database_no_server_no_queue() {
    let linked = linked(&metadata(), "mipo-scanner");
    for forbidden in ["sqlx", "sqlx-core", "sqlx-postgres", "axum", "apalis-core", "tokio", "openssl-sys", "native-tls"]
    {
        assert!(!linked.contains(forbidden), "mipo-scanner links {forbidden}");
    }
}

#[test]
fn domain_and_protocol_do_no_io() {
    let metadata = metadata();
    for name in ["mipo-domain", "mipo-protocol"] {
        let linked = linked(&metadata, name);
        for forbidden in ["tokio", "sqlx", "axum", "ureq", "rustix", "tracing-subscriber"] {
            assert!(!linked.contains(forbidden), "{name} links {forbidden}");
        }
        let package = metadata.packages.iter().find(|p| p.name.as_str() == name).expect("the crate exists");
        assert!(!direct(package).contains("getrandom"), "{name} takes chance from the system");
    }
}

#[test]
fn every_dependency_comes_from_the_registry_under_a_licence_that_we_accept() {
    const ACCEPTED: &[&str] = &[
        "0BSD",
        "Apache-2.0",
        "Apache-2.0 WITH LLVM-exception",
        "BSD-1-Clause",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSL-1.0",
        "CC0-1.0",
        "CDLA-Permissive-2.0",
        "ISC",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "Unicode-3.0",
        "Unlicense",
        "Zlib",
        "bzip2-1.0.6",
    ];
    /// Libraries that another one of ours already does the job of, or that phone home.
    const BANNED: &[&str] =
        &["openssl", "openssl-sys", "native-tls", "reqwest", "async-std", "apalis-postgres", "apalis-sql"];
    let metadata = metadata();
    let ours: BTreeSet<&PackageId> = metadata.workspace_members.iter().collect();
    let mut wrong = Vec::new();
    for package in metadata.packages.iter().filter(|p| !ours.contains(&p.id)) {
        let from_registry = package.source.as_ref().is_some_and(|s| s.repr.starts_with("registry+"));
        if !from_registry {
            wrong.push(format!("{} comes from {:?}", package.name, package.source));
        }
        if BANNED.contains(&package.name.as_str()) {
            wrong.push(format!("{} is banned: see docs/adr/0005-dependencies.md", package.name));
        }
        let licence = package.license.clone().unwrap_or_default().replace('/', " OR ");
        let accepted = licence.split(" OR ").any(|choice| {
            choice
                .trim_matches(['(', ')', ' '])
                .split(" AND ")
                .all(|part| ACCEPTED.contains(&part.trim_matches(['(', ')', ' '])))
        });
        if !accepted {
            wrong.push(format!("{} is under `{licence}`", package.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn rust_files(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("the folder is readable") {
        let path = entry.expect("the entry is readable").path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        if path.is_dir() && !matches!(name.as_str(), "target" | ".git" | "node_modules" | ".mipo") {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn unsafe_stands_in_one_file_at_most() {
    let (root, mut files) = (root(), Vec::new());
    rust_files(&root, &mut files);
    let allowed = root.join("workers/scanner/src/engine/uring.rs");
    let marker = ["unsafe", " {"].concat();
    let function = ["unsafe", " fn"].concat();
    let found: Vec<_> = files
        .iter()
        .filter(|path| **path != allowed)
        .filter(|path| {
            let text = fs::read_to_string(path).expect("sources are UTF-8");
            text.contains(&marker) || text.contains(&function)
        })
        .collect();
    assert!(found.is_empty(), "unsafe outside workers/scanner/src/engine/uring.rs: {found:?}");
}

#[test]
fn nothing_unfinished_lands() {
    let (root, mut files) = (root(), Vec::new());
    rust_files(&root, &mut files);
    let marks = [["to", "do!("].concat(), ["unimple", "mented!("].concat(), ["#[ig", "nore"].concat()];
    for path in files {
        let text = fs::read_to_string(&path).expect("sources are UTF-8");
        for mark in &marks {
            assert!(!text.contains(mark.as_str()), "{} contains {mark}", path.display());
        }
    }
}

#[test]
fn queries_are_named_only_in_store_and_queue() {
    let (root, mut files) = (root(), Vec::new());
    for dir in ["src", "api", "workers", "shared/app/src", "shared/domain", "shared/protocol", "shared/runtime"] {
        rust_files(&root.join(dir), &mut files);
    }
    let sqlx = ["sqlx", "::"].concat();
    for path in files.iter().filter(|p| !p.components().any(|c| c.as_os_str() == "tests")) {
        let text = fs::read_to_string(path).expect("sources are UTF-8");
        assert!(!text.contains(&sqlx), "{} names sqlx", path.display());
    }
}
