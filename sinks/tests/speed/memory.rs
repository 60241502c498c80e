//! The embedded layer, and none at all.

use std::time::Duration;

use crossbeam_channel::{Receiver, unbounded};
use greenwave_model::Change;
use greenwave_sinks::speed::{FromSpeed, Replica, Speed, SpeedSettings, ToSpeed};

use crate::engine::PATIENCE;
use crate::views::{Bus, Stop, Trip};
use crate::writes::one;

fn start(settings: SpeedSettings, workers: usize) -> (Speed, Receiver<FromSpeed>) {
    let (sender, events) = unbounded();
    let (speed, claim) = Speed::start(settings, 1, workers, sender).unwrap();
    assert!(claim.is_none());
    (speed, events)
}

fn bound(tick: u64, now_ms: i64) -> ToSpeed {
    ToSpeed::Bound { tick, before: tick - 1, binding: "{}".into(), now_ms }
}

fn visible(events: &Receiver<FromSpeed>) -> u64 {
    match events.recv_timeout(PATIENCE).unwrap() {
        FromSpeed::Visible { tick, .. } => tick,
        other => panic!("{other:?}"),
    }
}

fn json(replica: &Replica, view: &str, key: &str) -> Option<String> {
    let mut out = vec![];
    replica.get(view, key)?.own_json(&mut out);
    Some(String::from_utf8(out).unwrap())
}

#[test]
fn a_tick_is_visible_once_all_workers_completed_it() {
    let (speed, events) = start(SpeedSettings::Memory, 2);
    let replica = speed.replica();
    speed.send(bound(1, 5));
    speed.send(ToSpeed::Deltas { tick: 1, deltas: one("a", Change::Set(Bus { seq: 3, expires_ms: None })) });
    speed.send(ToSpeed::Deltas { tick: 1, deltas: one("a", Change::Set(Trip { seq: 3, expires_ms: None })) });
    speed.send(ToSpeed::Complete { worker: 0, tick: 1 });
    speed.send(bound(2, 6));
    speed.send(ToSpeed::Complete { worker: 0, tick: 2 });
    speed.send(ToSpeed::Deltas { tick: 2, deltas: one("s", Change::Set(Stop { seq: 4, expires_ms: Some(20) })) });
    assert!(events.is_empty());
    speed.send(ToSpeed::Complete { worker: 1, tick: 1 });
    assert_eq!(visible(&events), 1);
    assert_eq!((replica.tick(), replica.now_ms()), (1, Some(5)));
    assert_eq!(json(&replica, "buses", "a").unwrap(), r#"{"id":"a","seq":3,"at":"1970-01-01T00:00:00.003Z"}"#);
    assert!(replica.get("stops", "s").is_none() && replica.list("trips").is_empty());
    speed.send(ToSpeed::Complete { worker: 1, tick: 2 });
    assert_eq!(visible(&events), 2);
    assert_eq!(replica.list("stops").len(), 1);
    assert_eq!(speed.stop(PATIENCE).unwrap(), 2);
}

#[test]
fn restored_content_is_there_before_the_first_tick() {
    let (speed, events) = start(SpeedSettings::Memory, 1);
    speed.send(ToSpeed::Fill { deltas: one("a", Change::Set(Bus { seq: 3, expires_ms: None })) });
    speed.send(bound(8, 5));
    speed.send(ToSpeed::Deltas { tick: 8, deltas: one("b", Change::Set(Bus { seq: 4, expires_ms: Some(6) })) });
    speed.send(ToSpeed::Complete { worker: 0, tick: 8 });
    assert_eq!(visible(&events), 8);
    let replica = speed.replica();
    assert!(replica.get("buses", "a").is_some() && replica.get("buses", "b").is_some());
    assert_eq!(replica.views().iter().map(|(spec, keys)| (spec.name, *keys)).collect::<Vec<_>>(), [("buses", 2)]);
    speed.send(ToSpeed::Deltas { tick: 9, deltas: one::<Bus>("a", Change::Remove) });
    for tick in 9..40 {
        speed.send(bound(tick, 6_000 * tick as i64));
    }
    speed.send(ToSpeed::Complete { worker: 0, tick: 39 });
    while visible(&events) < 39 {}
    assert!(replica.list("buses").is_empty());
}

#[test]
fn without_a_speed_layer_ticks_count_as_visible() {
    let (speed, events) = start(SpeedSettings::None, 1);
    speed.send(bound(1, 5));
    speed.send(ToSpeed::Deltas { tick: 1, deltas: one("a", Change::Set(Bus { seq: 3, expires_ms: None })) });
    speed.send(ToSpeed::Complete { worker: 0, tick: 1 });
    assert_eq!(visible(&events), 1);
    assert!(speed.replica().views().is_empty());
    assert_eq!(speed.stop(Duration::ZERO).unwrap(), 1);
}
