//! The house keeps its shape: the rules import from later to earlier modules only, packages depend downwards only, and files
//! stay short.

#![expect(clippy::expect_used, clippy::panic, reason = "a test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The modules of the rules, in reading order. A module uses only those before it.
const ORDER: [&str; 16] = [
    "arn", "wording", "html", "outcome", "notice", "time", "policy", "plan", "schedule", "service", "deploy",
    "verify", "operate", "notify", "doctor", "console",
];
/// How many lines a source file has at most, without its tests.
const MOST_LINES: usize = 400;

/// The folder of the packages that are deployed, and of what they share.
fn lambdas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a folder of packages").to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What is in a folder.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

/// The names of the folders in a folder.
fn folders(folder: &Path) -> Vec<String> {
    let folders = entries(folder).into_iter().filter(|path| path.is_dir());
    folders.map(|path| path.file_name().expect("a name").to_string_lossy().into_owned()).collect()
}

/// The path of a file in the folder of the packages.
fn relative(file: &Path) -> String {
    file.strip_prefix(lambdas()).expect("a file of the folder").to_string_lossy().into_owned()
}

/// The source files in a folder and in those below it.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let (folders, files): (Vec<_>, Vec<_>) = entries(folder).into_iter().partition(|path| path.is_dir());
    let below = folders.iter().flat_map(|folder| sources(folder));
    files.into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "rs")).chain(below).collect()
}

/// A source file without the module of its tests.
fn without_tests(source: &str) -> &str {
    let tests = source.match_indices("#[cfg(test)]\n").find(|(start, attribute)| {
        let next = source.get(start + attribute.len()..).and_then(|rest| rest.lines().next());
        next.is_some_and(|line| line.ends_with('{'))
    });
    tests.map_or(source, |(start, _)| source.get(..start).unwrap_or_default())
}

/// A module, as the path from the root of the package, and the modules that its code names.
struct Module {
    path: Vec<String>,
    imports: BTreeSet<Vec<String>>,
}

/// The modules of the rules, by their files.
fn modules() -> BTreeMap<String, Module> {
    let root = lambdas().join("rules/src");
    let files = sources(&root).into_iter().map(|file| {
        let name = file.strip_prefix(&root).expect("a file of the folder").to_string_lossy().into_owned();
        let path = name.trim_end_matches(".rs").trim_end_matches("/mod").split('/').map(str::to_owned);
        let path: Vec<String> = path.collect();
        let imports = imports(without_tests(&read(&file)), &path);
        (name, Module { path, imports })
    });
    files.filter(|(name, _)| !matches!(name.as_str(), "lib.rs" | "testing.rs")).collect()
}

/// The paths, from the root of the package, that the code of the module `module` names with `crate`, `super` or `self`, or
/// by a module that it declares.
fn imports(code: &str, module: &[String]) -> BTreeSet<Vec<String>> {
    let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let tokens = tokens(&code.join("\n"));
    let declares = |pair: &[String]| matches!(pair, [keyword, _] if keyword == "mod");
    let children: BTreeSet<&String> =
        tokens.windows(2).filter(|pair| declares(pair)).filter_map(|pair| pair.last()).collect();
    let mut found = BTreeSet::new();
    let (mut rest, mut before) = (tokens.as_slice(), "");
    while let [token, others @ ..] = rest {
        let starts_a_path = before != "::" && others.first().is_some_and(|next| next == "::");
        rest = match token.as_str() {
            "crate" | "super" | "self" if starts_a_path => tree(rest, &[], module, &mut found),
            _ if starts_a_path && children.contains(token) => tree(rest, module, module, &mut found),
            _ => others,
        };
        before = token;
    }
    found
}

/// Names, the separator of paths, and single characters.
fn tokens(code: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut in_name = false;
    for character in code.chars() {
        let part_of_name = character.is_alphanumeric() || character == '_';
        match tokens.last_mut() {
            Some(last) if (part_of_name && in_name) || (character == ':' && last == ":") => {
                last.push(character);
            }
            _ if character.is_whitespace() => {}
            _ => tokens.push(character.to_string()),
        }
        in_name = part_of_name;
    }
    tokens
}

/// Follows a path such as `crate::{arn, time::{instant, window::Windows}}`, adds where each of its ends leads to, and
/// returns the tokens after it.
fn tree<'t>(
    mut rest: &'t [String],
    prefix: &[String],
    module: &[String],
    found: &mut BTreeSet<Vec<String>>,
) -> &'t [String] {
    let mut path = prefix.to_vec();
    while let [token, others @ ..] = rest {
        rest = others;
        match token.as_str() {
            "{" => {
                while rest.first().is_some_and(|token| token != "}") {
                    rest = tree(rest, &path, module, found);
                    rest = skip(rest, ",");
                }
                return skip(rest, "}");
            }
            "crate" => path.clear(),
            "self" if path.is_empty() => path = module.to_vec(),
            "self" => {}
            "super" => {
                let below = if path.is_empty() { module } else { &path };
                path = below.split_last().map(|(_, above)| above.to_vec()).unwrap_or_default();
            }
            name => path.push(name.to_owned()),
        }
        match rest {
            [separator, others @ ..] if separator == "::" => rest = others,
            _ => break,
        }
    }
    found.insert(path);
    match rest {
        [keyword, _, others @ ..] if keyword == "as" => others,
        _ => rest,
    }
}

/// The tokens after `token`, if they begin with it.
fn skip<'t>(tokens: &'t [String], token: &str) -> &'t [String] {
    match tokens {
        [first, others @ ..] if first == token => others,
        _ => tokens,
    }
}

/// Which files of the rules each file imports.
fn imported_files(modules: &BTreeMap<String, Module>) -> BTreeMap<&str, BTreeSet<&str>> {
    let file_of = |import: &[String]| {
        let candidates = modules.iter().filter(|(_, module)| import.starts_with(&module.path));
        candidates.max_by_key(|(_, module)| module.path.len()).map(|(file, _)| file.as_str())
    };
    let imported = |file: &str, module: &Module| -> BTreeSet<&str> {
        let others = module.imports.iter().filter_map(|import| file_of(import));
        others.filter(|other| *other != file).collect()
    };
    modules.iter().map(|(file, module)| (file.as_str(), imported(file, module))).collect()
}

/// The packages that a manifest depends on outside of tests.
fn dependencies(package: &str) -> BTreeSet<String> {
    let manifest = read(&lambdas().join(package).join("Cargo.toml"));
    let mut section = String::new();
    let mut found = BTreeSet::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            line.trim_matches(['[', ']']).clone_into(&mut section);
            found.extend(section.strip_prefix("dependencies.").map(str::to_owned));
        } else if matches!(section.as_str(), "dependencies" | "build-dependencies") {
            let name = line.split(['.', '=', ' ', '#']).next().unwrap_or_default();
            found.extend((!name.is_empty()).then(|| name.to_owned()));
        }
    }
    found
}

#[test]
fn the_rules_import_only_from_later_to_earlier_modules() {
    let place = |module: Option<&String>| ORDER.iter().position(|name| module.is_some_and(|own| own == name));
    let mut wrong = Vec::new();
    for (file, module) in modules() {
        let Some(own) = place(module.path.first()) else {
            wrong.push(format!("{file} is in no module of the order"));
            continue;
        };
        for import in module.imports {
            if place(import.first()).is_none_or(|other| other > own) {
                wrong.push(format!("{file} imports crate::{}", import.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "against the order {}:\n{}", ORDER.join(", "), wrong.join("\n"));
}

#[test]
fn no_files_of_the_rules_import_each_other_in_a_circle() {
    let modules = modules();
    let mut left = imported_files(&modules);
    // A file that imports none of the others, or that none of them imports, is in no circle.
    loop {
        let imported: BTreeSet<&str> = left.values().flatten().copied().collect();
        let free = left.iter().find(|(file, others)| {
            !imported.contains(*file) || others.iter().all(|other| !left.contains_key(other))
        });
        let Some(free) = free.map(|(file, _)| *file) else { break };
        left.remove(free);
    }
    assert!(left.is_empty(), "these files import each other in a circle: {left:#?}");
}

#[test]
fn imports_are_found_in_every_form() {
    let code = "//! As in [`crate::notify`].\n\
                pub mod alarms;\n\
                use super::{Mode, super_user};\n\
                use super::super::time::window::{self, Windows};\n\
                use alarms::AlarmRef;\n\
                use crate::{arn::{Arn, Place}, wording, policy::Policy as Rules,};\n\
                use std::{fmt, collections::BTreeMap};\n\
                fn f() { crate::verify::judge(self::Fallback::default()) }\n";
    let module = ["policy".to_owned(), "settings".to_owned()];
    let found: Vec<String> = imports(code, &module).into_iter().map(|path| path.join("::")).collect();
    let expected = [
        "arn::Arn",
        "arn::Place",
        "policy::Mode",
        "policy::Policy",
        "policy::settings::Fallback::default",
        "policy::settings::alarms::AlarmRef",
        "policy::super_user",
        "time::window",
        "time::window::Windows",
        "verify::judge",
        "wording",
    ];
    assert_eq!(found, expected);
}

#[test]
fn packages_depend_downwards_only() {
    let packages: BTreeSet<String> = folders(&lambdas()).into_iter().collect();
    for package in &packages {
        let allowed: &[&str] = match package.as_str() {
            "rules" => &[],
            "aws" => &["rules"],
            _ => &["aws", "rules"],
        };
        for dependency in dependencies(package).intersection(&packages) {
            assert!(allowed.contains(&dependency.as_str()), "{package} depends on {dependency}");
        }
    }
    for dependency in dependencies("rules") {
        let impure = ["aws", "lambda", "tokio"].iter().any(|prefix| dependency.starts_with(prefix));
        assert!(!impure, "rules depends on {dependency}, but the rules know no SDK");
    }
}

#[test]
fn no_source_file_is_longer_than_the_limit_without_its_tests() {
    let packages = folders(&lambdas()).into_iter().map(|package| lambdas().join(package).join("src"));
    let files = packages.flat_map(|folder| sources(&folder));
    let long: Vec<String> = files
        .map(|file| (without_tests(&read(&file)).lines().count(), file))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .map(|(lines, file)| format!("{} has {lines} lines", relative(&file)))
        .collect();
    assert!(long.is_empty(), "the limit is {MOST_LINES} lines:\n{}", long.join("\n"));
}
