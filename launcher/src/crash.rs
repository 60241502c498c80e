//! `GREENWAVE_PAUSE_AT=tick-listed`, or `tick-listed:3`: the process stands still at a crash point, the third time it is
//! there, until somebody kills it or lets it go on. For tests alone; unset, nothing of it is done.

use greenwave_model::CrashPoint;

const VARIABLE: &str = "GREENWAVE_PAUSE_AT";

/// Reads the variable; the mistake in it, if there is one.
pub fn await_from_environment() -> Result<(), String> {
    let Ok(text) = std::env::var(VARIABLE) else { return Ok(()) };
    let Some((point, nth)) = parse(&text) else {
        let known: Vec<&str> = CrashPoint::ALL.iter().map(|point| point.name()).collect();
        return Err(format!("there is no crash point `{text}` ({VARIABLE}); choose one of {}", known.join(", ")));
    };
    point.await_here(nth, stand);
    Ok(())
}

/// A point, and how often it is to be passed.
fn parse(text: &str) -> Option<(CrashPoint, u32)> {
    let (name, nth) = text.split_once(':').unwrap_or((text, "1"));
    let nth = nth.parse().ok().filter(|nth| *nth > 0)?;
    Some((CrashPoint::named(name)?, nth))
}

/// Told first: whoever reads the line may kill at once.
fn stand(point: CrashPoint) {
    complain!("greenwave: standing at {}", point.name());
    if let Err(error) = signal_hook::low_level::raise(signal_hook::consts::SIGSTOP) {
        complain!("greenwave: cannot stand still: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_has_a_name_and_a_number() {
        assert_eq!(parse("tick-listed"), Some((CrashPoint::TickListed, 1)));
        assert_eq!(parse("tick-listed:3"), Some((CrashPoint::TickListed, 3)));
        for wrong in ["", "nowhere", "tick-listed:0", "tick-listed:x", "tick-listed:"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
