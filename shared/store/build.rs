//! Embeds `sql/migrations`, `sql/native` and `sql/checks`, so that one binary carries its whole schema.
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../sql");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut migrations = files(&root.join("migrations"));
    migrations.extend(files(&root.join("native")));
    migrations.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
    let mut out = String::from("pub(crate) const MIGRATIONS: &[(u32, &str, &str)] = &[\n");
    for path in &migrations {
        let stem = stem(path);
        let (number, name) = stem.split_once('_').unwrap_or_else(|| panic!("{stem}: a migration is NNNN_what.sql"));
        let number: u32 = number.parse().unwrap_or_else(|_| panic!("{stem}: a migration is NNNN_what.sql"));
        writeln!(out, "    ({number}, {name:?}, include_str!({:?})),", path.display().to_string()).expect("a string");
    }
    out.push_str("];\npub(crate) const CHECKS: &[(&str, &str)] = &[\n");
    for path in files(&root.join("checks")) {
        writeln!(out, "    ({:?}, include_str!({:?})),", stem(&path), path.display().to_string()).expect("a string");
    }
    out.push_str("];\n");
    writeln!(out, "pub(crate) const ROLES: &str = include_str!({:?});", root.join("roles.sql").display().to_string())
        .expect("a string");
    let target = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("embedded.rs");
    fs::write(target, out).expect("OUT_DIR can be written");
}

fn stem(path: &Path) -> String {
    path.file_stem().expect("listed files have names").to_string_lossy().into_owned()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("the folder can be read").path().canonicalize().expect("it was just listed"))
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    paths.sort();
    paths
}
