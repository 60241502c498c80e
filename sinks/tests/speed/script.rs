//! Every answer of the script, by hand: what each rule lets through and what it refuses.

use greenwave_tests::{Redis, Server, need};
use redis::Value;

const SCRIPT: &str = include_str!("../../src/speed/script.lua");

/// Calls the script as a generation of job `j`.
struct Caller {
    connection: redis::Connection,
    generation: u64,
    history: &'static str,
}

impl Caller {
    fn of(redis: &Redis, generation: u64) -> Self {
        Self { connection: redis.connection(), generation, history: "here" }
    }

    fn call(&mut self, operation: &str, arguments: &[&str]) -> Vec<Value> {
        let mut command = redis::cmd("EVAL");
        command.arg(SCRIPT).arg(0).arg(operation).arg("greenwave:j:");
        command.arg(format!("{} {}", self.generation, self.history)).arg(1).arg(arguments);
        command.query(&mut self.connection).unwrap()
    }

    fn word(&mut self, operation: &str, arguments: &[&str]) -> String {
        redis::from_redis_value(self.call(operation, arguments).swap_remove(0)).unwrap()
    }

    fn claim(&mut self, mode: &str) -> String {
        self.claim_at(mode, "0")
    }

    /// Claims with a state that is restored at a tick.
    fn claim_at(&mut self, mode: &str, restored: &str) -> String {
        self.word("claim", &[mode, "greenwave-owner:", "j", restored])
    }

    fn push(&mut self, before: &str, tick: &str) -> String {
        self.word("push", &[before, tick, tick, "{}"])
    }

    /// Sets `key` to `value` in the contract db.
    fn write(&mut self, group: &str, from: &str, to: &str, key: &str, value: &str) -> String {
        let none = ["0", "0", "0", "0"];
        let block = ["1", key, value, "", "1", key, "0", "0"];
        self.word("write", &[&[group, from, to, "0", "0", "[]"][..], &block, &none].concat())
    }

    fn seal(&mut self, tick: &str, sent: &[&str]) -> Vec<String> {
        let answer = self.call("seal", &[&[tick], sent].concat());
        answer.into_iter().map(|part| redis::from_redis_value(part).unwrap()).collect()
    }

    fn get(&mut self, key: &str) -> Option<String> {
        redis::cmd("GET").arg(key).query(&mut self.connection).unwrap()
    }

    fn second(&mut self, command: &[&str]) -> Value {
        let _: () = redis::cmd("SELECT").arg(1).query(&mut self.connection).unwrap();
        let answer = redis::cmd(command[0]).arg(&command[1..]).query(&mut self.connection).unwrap();
        let _: () = redis::cmd("SELECT").arg(0).query(&mut self.connection).unwrap();
        answer
    }

    fn texts(&mut self, command: &[&str]) -> Vec<String> {
        let mut texts: Vec<String> = redis::from_redis_value(self.second(command)).unwrap();
        texts.sort();
        texts
    }
}

#[test]
fn a_group_moves_forward_only_and_only_when_listed() {
    if !need(Server::Redis, "the answers of the script") {
        return;
    }
    let redis = Redis::start();
    let mut job = Caller::of(&redis, 3);
    assert_eq!(job.claim("first"), "OK");
    // Nothing is known of a group in an empty Redis: it is stale until it is written whole.
    assert_eq!(job.write("7", "0", "1", "k", "a"), "GAP");
    assert_eq!(job.write("7", "", "1", "k", "a"), "UNLISTED");
    assert_eq!(job.push("0", "1"), "HOLE");
    assert_eq!(job.push("", "1"), "OK");
    assert_eq!(job.write("7", "", "1", "k", "a"), "OK");
    assert_eq!(job.write("7", "", "1", "k", "b"), "SKIP");
    assert_eq!(job.write("7", "1", "2", "k", "b"), "UNLISTED");
    assert_eq!(job.push("1", "2"), "OK");
    assert_eq!(job.write("7", "1", "2", "k", "b"), "OK");
    assert_eq!(job.write("7", "1", "2", "k", "c"), "SKIP");
    assert_eq!(job.get("k").as_deref(), Some("b"));
    // More changes than needed are harmless, fewer are not.
    assert_eq!(job.push("2", "5"), "OK");
    assert_eq!(job.write("7", "3", "5", "k", "e"), "GAP");
    assert_eq!(job.write("7", "0", "4", "k", "d"), "OK");
    assert_eq!(job.write("7", "2", "5", "k", "e"), "OK");
    assert_eq!(job.get("k").as_deref(), Some("e"));
    assert_eq!(job.texts(&["LRANGE", "greenwave:j:ticks", "0", "-1"]), ["1 {}", "2 {}", "5 {}"]);
    assert_eq!(job.push("1", "2"), "OK");
    assert_eq!(job.word("trim", &["2"]), "OK");
    assert_eq!(job.texts(&["LRANGE", "greenwave:j:ticks", "0", "-1"]), ["5 {}"]);
}

#[test]
fn an_old_generation_is_refused_by_every_operation() {
    if !need(Server::Redis, "fencing") {
        return;
    }
    let redis = Redis::start();
    let (mut old, mut new) = (Caller::of(&redis, 1), Caller::of(&redis, 2));
    assert_eq!(old.claim("first"), "OK");
    assert_eq!(new.push("", "9"), "LOST");
    assert_eq!(new.write("0", "", "9", "k", "a"), "LOST");
    assert_eq!(new.seal("9", &["0"]), ["LOST"]);
    assert_eq!(new.word("trim", &["1"]), "LOST");
    assert_eq!(new.claim("first"), "OK");
    assert_eq!(old.claim("first"), "FENCED");
    assert_eq!(old.claim("again"), "FENCED");
    assert_eq!(old.push("", "9"), "FENCED");
    assert_eq!(old.write("0", "", "9", "k", "a"), "FENCED");
    assert_eq!(old.word("trim", &["1"]), "FENCED");
    assert_eq!(old.seal("9", &["0"]), ["FENCED", "2"]);
    assert_eq!(old.get("k"), None);
}

#[test]
fn a_claim_after_a_loss_discards_the_list_and_holds_it() {
    if !need(Server::Redis, "claims after a loss") {
        return;
    }
    let redis = Redis::start();
    let (mut old, mut new) = (Caller::of(&redis, 1), Caller::of(&redis, 2));
    assert_eq!(old.claim("first"), "OK");
    assert_eq!(old.push("", "5"), "OK");
    assert_eq!(old.write("3", "", "5", "k", "a"), "OK");
    assert_eq!(new.word("claim", &["again", "greenwave-owner:", "j", "7", "7 {}"]), "LOST");
    assert_eq!(new.texts(&["LRANGE", "greenwave:j:ticks", "0", "-1"]), ["7 {}"]);
    assert_eq!(new.texts(&["LRANGE", "greenwave:j:held", "0", "-1"]), ["5 {}"]);
    assert_eq!(new.write("3", "5", "7", "k", "b"), "GAP");
    // The same claim again, its first answer having been lost, finds the same.
    assert_eq!(new.word("claim", &["again", "greenwave-owner:", "j", "7", "7 {}"]), "OK");
    assert_eq!(new.texts(&["LRANGE", "greenwave:j:held", "0", "-1"]), ["5 {}"]);
    assert_eq!(new.write("3", "", "7", "k", "b"), "OK");
    assert_eq!(new.seal("7", &["0", "0", "0", "7"]), ["BEHIND", "0", "1", "2"]);
    for group in ["0", "1", "2"] {
        assert_eq!(new.write(group, "", "7", "l", "b"), "OK");
    }
    assert_eq!(new.seal("8", &["0", "0", "0", "7"]), ["UNLISTED"]);
    assert_eq!(new.seal("7", &["0", "0", "0", "7"]), ["VISIBLE"]);
    assert!(new.texts(&["LRANGE", "greenwave:j:held", "0", "-1"]).is_empty());
    assert_eq!(new.texts(&["HMGET", "greenwave:j:meta", "visible"]), ["7"]);
}

#[test]
fn a_list_sent_before_an_outage_and_read_after_it_replaces_nothing() {
    if !need(Server::Redis, "delayed lists") {
        return;
    }
    let redis = Redis::start();
    let mut job = Caller::of(&redis, 1);
    assert_eq!(job.claim("first"), "OK");
    assert_eq!(job.push("", "5"), "OK");
    assert_eq!(job.push("5", "6"), "OK");
    assert_eq!(job.push("", "5"), "OK");
    assert_eq!(job.texts(&["LRANGE", "greenwave:j:ticks", "0", "-1"]), ["5 {}", "6 {}"]);
}

#[test]
fn a_resync_deletes_what_is_gone_and_leaves_what_was_retired() {
    if !need(Server::Redis, "resyncs") {
        return;
    }
    let redis = Redis::start();
    let mut job = Caller::of(&redis, 1);
    assert_eq!(job.claim("first"), "OK");
    assert_eq!(job.push("", "1"), "OK");
    let own = ["0", "0", "0", "0"];
    let block = ["3", "gone", "1", "", "kept", "1", "", "left", "1", "", "0", "0", "1", "left"];
    let arguments = [&["0", "", "1", "0", "0", "[]"][..], &block, &own].concat();
    assert_eq!(job.word("write", &arguments), "OK");
    assert_eq!(job.push("1", "2"), "OK");
    assert_eq!(job.write("0", "", "2", "kept", "2"), "OK");
    assert_eq!(["gone", "kept", "left"].map(|key| job.get(key)), [None, Some("2".into()), Some("1".into())]);
    assert_eq!(job.texts(&["SMEMBERS", "greenwave:j:members:0"]), ["kept"]);
}

#[test]
fn another_history_is_refused_until_it_takes_over() {
    if !need(Server::Redis, "values of another state of the job") {
        return;
    }
    let redis = Redis::start();
    let mut first = Caller::of(&redis, 3);
    assert_eq!(first.claim("first"), "OK");
    assert_eq!(first.push("", "5"), "OK");
    assert_eq!(first.write("0", "", "5", "kept", "old"), "OK");
    let mut other = Caller { history: "there", ..Caller::of(&redis, 1) };
    assert_eq!(other.claim("first"), "FOREIGN");
    assert_eq!(
        Caller { history: "there", ..Caller::of(&redis, 9) }.claim("first"),
        "FOREIGN",
        "however often it starts"
    );
    assert_eq!(other.claim("take"), "OK");
    assert!(other.texts(&["LRANGE", "greenwave:j:ticks", "0", "-1"]).is_empty());
    // Neither an older nor an equal generation of the first history writes any more.
    assert_eq!(first.push("5", "6"), "FENCED");
    assert_eq!(Caller::of(&redis, 1).push("5", "6"), "FENCED");
    assert_eq!(other.push("", "2"), "OK");
    assert_eq!(other.write("0", "1", "2", "new", "1"), "GAP", "every group is written whole first");
    assert_eq!(other.write("0", "", "2", "new", "1"), "OK");
    assert_eq!(other.get("kept"), None, "what the first history left is deleted with its group");
}

#[test]
fn a_state_that_was_put_back_writes_every_group_anew() {
    if !need(Server::Redis, "an older state") {
        return;
    }
    let redis = Redis::start();
    let mut job = Caller::of(&redis, 1);
    assert_eq!(job.claim("first"), "OK");
    assert_eq!(job.word("push", &["", "8", "7", r#"{"cut":{"tick":5}}"#, "8", r#"{"cut":{"tick":5}}"#]), "OK");
    assert_eq!(job.write("0", "", "7", "a", "1"), "OK");
    // The checkpoint that the list goes on from: groups keep their places.
    let mut next = Caller::of(&redis, 2);
    assert_eq!(next.claim_at("first", "5"), "OK");
    assert_eq!(next.texts(&["HGET", "greenwave:j:applied", "0"]), ["7"]);
    // An older one: what is listed is not its own, and no group is known.
    let mut older = Caller::of(&redis, 3);
    assert_eq!(older.claim_at("first", "2"), "OK");
    assert!(older.texts(&["LRANGE", "greenwave:j:ticks", "0", "-1"]).is_empty());
    assert_eq!(older.texts(&["LRANGE", "greenwave:j:held", "0", "-1"]).len(), 2);
    assert_eq!(older.texts(&["HGETALL", "greenwave:j:applied"]), [""; 0]);
}
