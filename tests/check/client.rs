//! One operation: asked of a node, and recorded with what came of it. Who asks what is decided by `workers.rs`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::door::{Door, Heard};
use super::history::{Action, Op, Outcome, Record, Seen};
use super::recorder::Recorder;
use super::steps::Ending;

/// So many young keys are remembered: few enough that clients meet on them, and enough that many were made before a cut
/// and are used on both of its sides. Deleted ones stay: the other side does not know.
const YOUNG: usize = 256;

/// What all clients share.
pub(super) struct Shared {
    pub(super) doors: Vec<Door>,
    pub(super) recorder: Recorder,
    /// Ids of the keys that everybody writes.
    pub(super) hot: OnceLock<Vec<String>>,
    pub(super) stop: AtomicBool,
    young: Mutex<Vec<String>>,
    sessions: AtomicU64,
}

impl Shared {
    /// Nothing was asked yet.
    pub(super) fn new(doors: Vec<Door>, recorder: Recorder) -> Self {
        Self {
            doors,
            recorder,
            hot: OnceLock::new(),
            stop: AtomicBool::new(false),
            young: Mutex::default(),
            sessions: AtomicU64::new(0),
        }
    }

    /// Have clients been told to end?
    pub(super) fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// One of the young keys, chosen by a number.
    pub(super) fn young(&self, pick: u64) -> Option<String> {
        let young = self.young.lock().unwrap_or_else(PoisonError::into_inner);
        let place = pick.checked_rem(young.len() as u64)?;
        young.get(usize::try_from(place).ok()?).cloned()
    }

    /// From now on others may use this key, in place of another one that a number chooses.
    pub(super) fn show(&self, key: &str, pick: u64) {
        let mut young = self.young.lock().unwrap_or_else(PoisonError::into_inner);
        if young.len() < YOUNG {
            young.push(key.to_owned());
        } else if let Ok(place) = usize::try_from(pick % YOUNG as u64) {
            key.clone_into(&mut young[place]);
        }
    }
}

/// Asks, one session at a time.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) shared: Arc<Shared>,
    number: u64,
    session: u64,
    written: Arc<AtomicU64>,
}

/// What is asked, and about what.
struct Asked<'a> {
    action: Action,
    key: Option<&'a str>,
    name: Option<String>,
    value: Option<String>,
}

impl Client {
    /// A client in a session of its own.
    pub(super) fn new(shared: &Arc<Shared>, number: u64) -> Self {
        Self {
            shared: Arc::clone(shared),
            number,
            session: shared.sessions.fetch_add(1, Ordering::Relaxed),
            written: Arc::default(),
        }
    }

    /// After an operation whose outcome is not known, a client goes on as another.
    pub(super) fn settle(&mut self, done: &[&Op]) {
        if done.iter().any(|op| op.outcome == Outcome::Unknown) {
            self.session = self.shared.sessions.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A text that nobody else writes.
    pub(super) fn value(&self) -> String {
        format!("c{}-{}", self.number, self.written.fetch_add(1, Ordering::Relaxed))
    }

    /// Makes a key. Without a name, its name ends with its value.
    pub(super) async fn create(&self, node: usize, name: Option<&str>) -> Op {
        let value = self.value();
        let name = name.map_or_else(|| format!("key|{value}"), str::to_owned);
        let body = json!({"name": name, "description": value, "size": 128});
        let asked = Asked {
            action: Action::Create,
            key: None,
            name: Some(name),
            value: Some(value),
        };
        self.ask(node, asked, (Method::POST, ""), Some(body)).await
    }

    /// Gives a key another description, and a name that ends with it.
    pub(super) async fn change(&self, node: usize, key: &str) -> Op {
        let value = self.value();
        let body = json!({"name": format!("key|{value}"), "description": value});
        let asked = Asked {
            value: Some(value),
            ..about(Action::Change, key)
        };
        self.ask(node, asked, (Method::PATCH, ""), Some(body)).await
    }

    /// Makes a version of a key, by its name. What is recorded is about the version.
    pub(super) async fn rotate(&self, node: usize, name: &str) -> Op {
        let value = self.value();
        let body = json!({ "description": value });
        let asked = Asked {
            action: Action::Rotate,
            key: None,
            name: Some(name.to_owned()),
            value: Some(value),
        };
        self.ask(node, asked, (Method::POST, "/versions"), Some(body)).await
    }

    /// Looks which version of a key is current.
    pub(super) async fn current(&self, node: usize, name: &str) -> Op {
        let asked = Asked {
            action: Action::Current,
            key: None,
            name: Some(name.to_owned()),
            value: None,
        };
        self.ask(node, asked, (Method::GET, ""), None).await
    }

    /// Looks for a key by its id.
    pub(super) async fn read(&self, node: usize, key: &str) -> Op {
        self.ask(node, about(Action::Read, key), (Method::GET, ""), None).await
    }

    /// Ends a key, or brings it nearer to its end.
    pub(super) async fn end(&self, node: usize, key: &str, ending: Ending) -> Op {
        let revoke = async |reason: &str| {
            let body = json!({ "reason": reason });
            self.ask(node, about(Action::Revoke, key), (Method::POST, "/revoke"), Some(body))
                .await
        };
        match ending {
            Ending::Delete => {
                self.ask(node, about(Action::Delete, key), (Method::DELETE, ""), None)
                    .await
            }
            Ending::Deactivate => revoke("Superseded").await,
            Ending::Compromise => revoke("KeyCompromise").await,
            Ending::Destroy => {
                revoke("Superseded").await;
                self.ask(
                    node,
                    about(Action::Destroy, key),
                    (Method::POST, "/destroy"),
                    Some(json!({})),
                )
                .await
            }
        }
    }

    async fn ask(&self, node: usize, asked: Asked<'_>, call: (Method, &str), body: Option<Value>) -> Op {
        let (method, tail) = call;
        let path = match (asked.key, &asked.name, asked.action) {
            (Some(key), ..) => format!("vault/keys2/{key}{tail}?type=id"),
            (None, Some(name), Action::Rotate | Action::Current) => format!("vault/keys2/{name}{tail}?type=name"),
            _ => "vault/keys2".to_owned(),
        };
        let recorder = &self.shared.recorder;
        let (index, begin) = (recorder.number(), recorder.now());
        let heard = self.shared.doors[node].call(method, &path, body.as_ref()).await;
        let mut op = Op {
            index,
            client: self.number,
            session: self.session,
            node,
            action: asked.action,
            key: asked.key.map(str::to_owned),
            name: asked.name,
            value: asked.value,
            begin,
            end: recorder.now(),
            outcome: Outcome::Unknown,
            version: None,
            seen: Vec::new(),
            answer: String::new(),
        };
        understand(&mut op, heard);
        recorder.keep(Record::Op(op.clone()));
        op
    }
}

fn about(action: Action, key: &str) -> Asked<'_> {
    Asked {
        action,
        key: Some(key),
        name: None,
        value: None,
    }
}

/// Writes into an operation what came of it.
fn understand(op: &mut Op, heard: Heard) {
    let (status, body, version) = match heard {
        Heard::Answer(status, body, version) => (status, body, version),
        Heard::NotSent(why) => {
            (op.outcome, op.answer) = (Outcome::Failed, why);
            return;
        }
        Heard::Nothing(why) => {
            (op.outcome, op.answer) = (Outcome::Unknown, why);
            return;
        }
    };
    let finds_nothing = op.action == Action::Read && status == StatusCode::NOT_FOUND;
    op.answer = match body["codeDesc"].as_str() {
        Some(refusal) => format!("{} {refusal}", status.as_u16()),
        None => status.as_u16().to_string(),
    };
    op.outcome = if status.is_success() || finds_nothing {
        Outcome::Ok
    } else if status.is_client_error() {
        Outcome::Failed
    } else {
        Outcome::Unknown
    };
    op.seen.extend(row(&body));
    let Some(seen) = op.seen.first() else {
        op.version = version;
        return;
    };
    op.key.get_or_insert_with(|| seen.key.clone());
    if !matches!(op.action, Action::Read | Action::Current) {
        op.version = Some(seen.version);
    }
}

fn row(body: &Value) -> Option<Seen> {
    let text = |field: &str| Some(body[field].as_str()?.to_owned());
    Some(Seen {
        key: text("id")?,
        name: text("name")?,
        value: text("description")?,
        version: body["rowVersion"].as_i64()?,
        state: text("state")?,
        fingerprint: text("sha256Fingerprint")?,
        number: body["version"].as_i64()?.try_into().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::op;
    use super::*;

    fn heard(status: StatusCode, body: &Value) -> Op {
        let mut op = Op {
            value: Some("c1-1".to_owned()),
            ..op(Action::Change, 0, "k")
        };
        understand(&mut op, Heard::Answer(status, body.clone(), None));
        op
    }

    fn body(value: &str) -> Value {
        json!({"id": "k", "name": "n", "description": value, "rowVersion": 7, "state": "Active", "sha256Fingerprint": "f",
            "version": 0})
    }

    #[test]
    fn what_was_refused_has_no_effect_and_what_failed_may_have_one() {
        assert_eq!(heard(StatusCode::CONFLICT, &json!({})).outcome, Outcome::Failed);
        assert_eq!(
            heard(StatusCode::SERVICE_UNAVAILABLE, &json!({})).outcome,
            Outcome::Unknown
        );
        let mut lost = op(Action::Create, 0, "k");
        understand(&mut lost, Heard::Nothing("no answer in time".to_owned()));
        assert_eq!(lost.outcome, Outcome::Unknown);
    }

    #[test]
    fn the_version_of_a_write_is_the_one_it_answers() {
        assert_eq!(heard(StatusCode::OK, &body("c1-1")).version, Some(7));
        let mut read = op(Action::Read, 0, "k");
        understand(&mut read, Heard::Answer(StatusCode::OK, body("c1-1"), None));
        assert_eq!((read.version, read.seen[0].version), (None, 7));
    }
}
