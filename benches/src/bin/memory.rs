//! What a live key of each view takes of memory, with everything that is kept to compute it.
//!
//! `cargo run --release -p greenwave-benches --bin memory -- [--keys N]`
//!
//! Each view is kept alone in a process of its own: one event for each key, and two cuts more so that nothing waits.

use std::process::Command;
use std::sync::Arc;

use clap::Parser;
use greenwave_dataflows::{CitySettings, FreeFlow, Inputs, RouteTable, States, VIEWS, Views, city};
use greenwave_model::topics::{CAMERA, INCIDENT, TOPICS, WEATHER, place};
use greenwave_model::views::{Rule, Severity, Watches};
use greenwave_model::{Clock, GpsReading, Name, Observation, RecordRef, TopicSpec, Value};
use timely::dataflow::operators::{Input, Probe};

const START_MS: i64 = 1_772_438_400_000;
/// Keys there is a fixed number of.
const FEW: [&str; 3] = ["hotspots", "weather_current", "city_summary"];

#[derive(Parser)]
struct Options {
    #[arg(long, default_value_t = 200_000)]
    keys: usize,
    /// Only this view, here.
    #[arg(long)]
    view: Option<String>,
}

fn main() {
    let options = Options::parse();
    if let Some(view) = options.view {
        return measure(&view, options.keys);
    }
    println!("{} events of as many keys", options.keys);
    let this = std::env::current_exe().expect("a running binary has a path");
    for view in VIEWS.iter().map(|view| view.name).filter(|name| !FEW.contains(name)) {
        let arguments = ["--view", view, "--keys", &options.keys.to_string()];
        let status = Command::new(&this).args(arguments).status().expect("this binary runs");
        assert!(status.success(), "the measuring of {view} ended with {status}");
    }
}

fn measure(view: &str, keys: usize) {
    let settings = settings(view, keys);
    let made_by = made_by(view);
    timely::execute_directly(move |worker| {
        let states = States::new(0, 1, false);
        let (mut gps_in, mut others_in, mut clock_in, probe) = worker.dataflow::<u64, _, _>(|scope| {
            let (gps_in, gps) = scope.new_input();
            let (others_in, observations) = scope.new_input();
            let (clock_in, clock) = scope.new_input();
            let outputs = city(Inputs { gps, observations, clock }, &settings, &states);
            let probe = outputs.deltas.probe().0;
            (gps_in, others_in, clock_in, probe)
        });
        let before = rss_bytes();
        for tick in 1..=4_u64 {
            let now_ms = START_MS + 10_000 * tick as i64;
            // All in one cut; the others bring nothing.
            let keys = if tick == 1 { 0..keys } else { 0..0 };
            match made_by {
                None => keys.for_each(|number| gps_in.send(reading(number))),
                Some((topic, key)) => keys.for_each(|number| others_in.send(observation(topic, key, number))),
            }
            clock_in.send(clock(tick, now_ms));
            gps_in.advance_to(tick);
            others_in.advance_to(tick);
            clock_in.advance_to(tick);
            worker.step_while(|| probe.less_than(&tick));
        }
        let live = states.rows().into_iter().find(|(id, _)| *id == settings.views.names()[0]).map_or(0, |(_, n)| n);
        // Memory that was freed and not given back is not the keys'.
        #[expect(unsafe_code, reason = "only asks the allocator to return what is free")]
        unsafe {
            libc::malloc_trim(0)
        };
        let bytes = rss_bytes().saturating_sub(before);
        println!("{:>18}: {live:>9} live keys, {:>5} bytes a key", settings.views.names()[0], bytes / live.max(1));
    });
}

fn settings(view: &str, keys: usize) -> CitySettings {
    let views = Views::those(|name| name == view);
    let is = |name| view == name;
    let routes = (0..keys).filter(|_| is("routes")).map(|n| (name("route", n), name("road", n), 100.0));
    let rule = |watches| Rule { name: "rule".into(), watches, at_least: 0.0, severity: Severity::High };
    CitySettings {
        dedup: false,
        dedup_horizon_ms: 60_000,
        correction_horizon_ms: 600_000,
        clock_skew_ms: 10_000,
        vehicle_count: true,
        speed_from: vec!["gps_data"],
        free_flow: Arc::new(FreeFlow::default()),
        routes: Arc::new(RouteTable::new(routes)),
        rules: if is("alerts") { vec![rule(Watches::IncidentSeverity)] } else { Vec::new() },
        views,
    }
}

fn name(of: &str, number: usize) -> Name {
    format!("{of}-{number:07}").into()
}

fn clock(tick: u64, now_ms: i64) -> Clock {
    let (cut_watermark_ms, cut_now_ms) =
        if tick > 1 { (START_MS - 60_000, now_ms - 10_000) } else { (Clock::NEVER, Clock::NEVER) };
    Clock {
        tick,
        is_cut: true,
        publishes: true,
        restored: false,
        watermark_ms: START_MS - 60_000,
        now_ms,
        cut_watermark_ms,
        cut_now_ms,
    }
}

/// The topic, if it is not `gps_data`, and the field that make a key of the view.
fn made_by(view: &str) -> Option<(&'static TopicSpec, &'static str)> {
    match view {
        "incidents" | "alerts" => Some((&INCIDENT, "incident_id")),
        "cameras" => Some((&CAMERA, "camera_id")),
        "weather" => Some((&WEATHER, "temperature")),
        _ => None,
    }
}

fn reading(number: usize) -> GpsReading {
    GpsReading {
        record: RecordRef::new(0, number as i64),
        fingerprint: 0,
        device: name("vehicle", number),
        road: name("road", number),
        event_ms: START_MS,
        arrival_ms: START_MS + 500,
        speed_kmh: 50.0,
        latitude: 51.5,
        longitude: -0.1,
        direction_deg: 90.0,
    }
}

fn observation(topic: &'static TopicSpec, key: &str, number: usize) -> Observation {
    let value = |field: &str| match field {
        "temperature" | "air_quality_index" => Value::Number(10.0),
        field if field == key => Value::Text(name("key", number)),
        _ => Value::Absent,
    };
    Observation {
        topic: place(topic),
        record: RecordRef::new(1, number as i64),
        fingerprint: 0,
        id: Name::default(),
        device: name("device", number),
        event_ms: START_MS,
        arrival_ms: START_MS + 500,
        latitude: 51.5,
        longitude: -0.1,
        values: TOPICS[usize::from(place(topic))].fields.iter().map(|field| value(field.name)).collect(),
    }
}

fn rss_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|resident| resident.parse::<usize>().ok()).map_or(0, |pages| pages * 4096)
}
