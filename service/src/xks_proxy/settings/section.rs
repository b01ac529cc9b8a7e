//! A table of the file: its values, read as the table of keys says.

use super::keys::{self, Form, Preset, Row};
use crate::failure::Failure;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use toml::{Table, Value};

/// What files name that systemd gives to the service alone.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";
/// What somebody may write where a file is to be named.
const SECRETS: [&str; 6] =
    ["secret", "secret_access_key", "sigv4_secret_access_key", "pin", "user_pin", "password"];

/// A table that is not in the file.
static EMPTY: OnceLock<Table> = OnceLock::new();

pub struct Section<'f> {
    file: &'f Path,
    /// As the table of keys has it.
    name: String,
    /// For people.
    place: String,
    table: &'f Table,
}

impl<'f> Section<'f> {
    /// The file itself. Errors, here and in what follows: a key that is not known.
    pub fn top(file: &'f Path, table: &'f Table) -> Result<Self, Failure> {
        Self { file, name: String::new(), place: String::new(), table }.known()
    }

    /// A table in this one.
    pub fn inner(&self, name: &str) -> Result<Option<Section<'f>>, Failure> {
        match self.table.get(name) {
            None => Ok(None),
            Some(Value::Table(table)) => self.at(name, self.written(name), table).map(Some),
            Some(_) => Err(self.wrong(name, "it is not a table", &format!("write [{}]", self.written(name)))),
        }
    }

    /// As `inner`; where it is not there, all of its defaults hold.
    pub fn inner_or_empty(&self, name: &str) -> Result<Section<'f>, Failure> {
        match self.inner(name)? {
            Some(inner) => Ok(inner),
            None => self.at(name, self.written(name), EMPTY.get_or_init(Table::new)),
        }
    }

    /// A list of tables in this one.
    pub fn list(&self, name: &str) -> Result<Vec<Section<'f>>, Failure> {
        let not_tables = || {
            let mend = format!("write [[{}]], or {name} = [{{ ... }}]", self.written(name));
            self.wrong(name, "it is not a list of tables", &mend)
        };
        let list = match self.table.get(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(list)) => list,
            Some(_) => return Err(not_tables()),
        };
        let one = |(at, value): (usize, &'f Value)| {
            let table = value.as_table().ok_or_else(not_tables)?;
            let called = table.get("name").and_then(Value::as_str).map(|name| format!("{name:?}"));
            let called = called.unwrap_or_else(|| (at + 1).to_string());
            self.at(name, format!("{} {called}", self.written(name)), table)
        };
        list.iter().enumerate().map(one).collect()
    }

    fn at(&self, name: &str, place: String, table: &'f Table) -> Result<Section<'f>, Failure> {
        let name = if self.name.is_empty() { name.to_owned() } else { format!("{}.{name}", self.name) };
        Section { file: self.file, name, place, table }.known()
    }

    fn written(&self, key: &str) -> String {
        if self.place.is_empty() { key.to_owned() } else { format!("{}: {key}", self.place) }
    }

    fn known(self) -> Result<Self, Failure> {
        let mut known: Vec<_> = keys::of(&self.name).map(|row| row.key).collect();
        known.extend(keys::inner(&self.name));
        let Some(other) = self.table.keys().find(|key| !known.contains(&key.as_str())) else {
            return Ok(self);
        };
        match SECRETS.contains(&other.as_str()) {
            true => Err(self.wrong(
                other,
                "a secret does not stand in the configuration",
                "write it into a file that nobody else can read, name that in secret_file or pin_file, and replace the \
                 secret where others may have read it here",
            )),
            false => Err(self.wrong(other, "there is no such key", &format!("known here: {}", known.join(", ")))),
        }
    }

    /// The message of what is wrong with a key: never its value where that may be secret.
    pub fn wrong(&self, key: &str, what: &str, mend: &str) -> Failure {
        Failure::new(format!("{}: {}: {what}; {mend}", self.file.display(), self.written(key)))
    }

    /// `None`: it is not there, and needs not be. Errors: not of the key's form; not there, but needed.
    pub fn text(&self, key: &str) -> Result<Option<String>, Failure> {
        let row = self.row(key);
        match (self.table.get(key), row.preset) {
            (Some(Value::String(text)), _) => self.one_of(row, text).map(Some),
            (None, Preset::Text(text)) => Ok(Some(text.into())),
            (None, _) => self.missing(row),
            (Some(_), _) => Err(self.not_so(row)),
        }
    }

    fn one_of(&self, row: &Row, text: &str) -> Result<String, Failure> {
        match row.form {
            Form::Word(words) if !words.contains(&text) => Err(self.not_so(row)),
            _ => Ok(text.into()),
        }
    }

    /// As `text`, of a key that is needed or has a default.
    pub fn said(&self, key: &str) -> Result<String, Failure> {
        Ok(self.text(key)?.unwrap_or_default())
    }

    /// As `text`, of a number in its range.
    pub fn number(&self, key: &str) -> Result<Option<u64>, Failure> {
        let row = self.row(key);
        match (self.table.get(key), row.preset, row.form) {
            (Some(Value::Integer(number)), _, Form::Number { least, most, .. }) => {
                let number = u64::try_from(*number).ok().filter(|number| (least..=most).contains(number));
                number.map(Some).ok_or_else(|| self.not_so(row))
            }
            (None, Preset::Number(number), _) => Ok(Some(number)),
            (None, ..) => self.missing(row),
            (Some(_), ..) => Err(self.not_so(row)),
        }
    }

    /// As `number`, of a key that has a default and fits everywhere: its range says so.
    pub fn count(&self, key: &str) -> Result<usize, Failure> {
        Ok(usize::try_from(self.number(key)?.unwrap_or_default()).unwrap_or(usize::MAX))
    }

    pub fn flag(&self, key: &str) -> Result<bool, Failure> {
        let row = self.row(key);
        match (self.table.get(key), row.preset) {
            (Some(Value::Boolean(flag)), _) => Ok(*flag),
            (None, Preset::Flag(flag)) => Ok(flag),
            _ => Err(self.not_so(row)),
        }
    }

    /// `None`: it is not there.
    pub fn texts(&self, key: &str) -> Result<Option<Vec<String>>, Failure> {
        self.values(key, |value| value.as_str().map(str::to_owned))
    }

    /// `None`: it is not there.
    pub fn numbers(&self, key: &str) -> Result<Option<Vec<u64>>, Failure> {
        self.values(key, |value| value.as_integer().and_then(|number| u64::try_from(number).ok()))
    }

    fn values<T>(&self, key: &str, one: impl Fn(&Value) -> Option<T>) -> Result<Option<Vec<T>>, Failure> {
        let row = self.row(key);
        match self.table.get(key) {
            None => Ok(None),
            Some(Value::Array(list)) if !list.is_empty() => {
                list.iter().map(one).collect::<Option<_>>().map(Some).ok_or_else(|| self.not_so(row))
            }
            Some(_) => Err(self.not_so(row)),
        }
    }

    /// A file, by its whole path.
    pub fn path(&self, key: &str) -> Result<Option<PathBuf>, Failure> {
        self.text(key)?.map(|text| self.placed(key, &text)).transpose()
    }

    /// The whole path of what is named so.
    pub fn placed(&self, key: &str, named: &str) -> Result<PathBuf, Failure> {
        let of_systemd = ["$CREDENTIALS_DIRECTORY/", "${CREDENTIALS_DIRECTORY}/"];
        if let Some(name) = of_systemd.iter().find_map(|prefix| named.strip_prefix(prefix)) {
            let folder = std::env::var_os(CREDENTIALS_DIRECTORY).ok_or_else(|| {
                let mend = "start it as a unit with LoadCredential=, or name another file";
                self.wrong(key, "CREDENTIALS_DIRECTORY is not set: systemd gave no credentials", mend)
            })?;
            return Ok(Path::new(&folder).join(name));
        }
        match named {
            "" => Err(self.wrong(key, "it is empty", "name a file")),
            named => Ok(self.file.parent().unwrap_or(Path::new("/")).join(named)),
        }
    }

    fn missing<T>(&self, row: &Row) -> Result<Option<T>, Failure> {
        match row.preset {
            Preset::Needed => Err(self.wrong(row.key, "it is missing", &format!("set it: {}", row.meaning))),
            _ => Ok(None),
        }
    }

    fn not_so(&self, row: &Row) -> Failure {
        let wants = match row.form {
            Form::Text(form) => format!("a text in quotes: {form}"),
            Form::Word(words) => {
                words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" or ")
            }
            Form::Number { unit, least, most } => format!("a number from {least} to {most} ({unit})"),
            Form::Flag => "true or false".into(),
            Form::Texts(what) => format!("a list of texts: {what}"),
            Form::Numbers(what) => format!("a list of numbers: {what}"),
        };
        self.wrong(row.key, "it has no such value", &format!("write {wants}"))
    }

    fn row(&self, key: &str) -> &'static Row {
        let row = keys::of(&self.name).find(|row| row.key == key);
        // The parser names keys of the table alone: a test reads every one of them.
        row.unwrap_or_else(|| unreachable!("{} {key} is in no row of the table of keys", self.name))
    }
}
