//! `greenwave savepoint`: keep a checkpoint under a name, whatever the job does after.

use greenwave_model::iso;
use greenwave_runtime::savepoint::{self, Savepoint};

use crate::args::{Page, SavepointArgs};
use crate::settings::Raw;
use crate::{Outcome, check, submit};

pub fn run(args: &SavepointArgs) -> Outcome {
    let checked = match Raw::gather(&args.file, crate::settings::environment(), &args.conf).check() {
        Ok(checked) => checked,
        Err(mistakes) => {
            check::tell(&mistakes);
            return Outcome::WrongUse;
        }
    };
    let wrong = |why: String| {
        complain!("greenwave: {why}");
        Outcome::WrongUse
    };
    let job = match submit::job_name(&args.file, args.job.as_deref()) {
        Ok(job) => job,
        Err(error) => return wrong(format!("{error:#}")),
    };
    let Some(state) = checked.state else { return wrong(format!("job {job} keeps no state, so nothing can be kept")) };
    let done = savepoint::look_at(&state, &job, |store| match (&args.name, args.remove) {
        (Some(name), false) => Ok(vec![savepoint::make(store, name)?]),
        (Some(name), true) => savepoint::remove(store, name).map(|()| vec![]),
        (None, _) => savepoint::all(store),
    });
    match done {
        Ok(savepoints) => tell(args, &job, &savepoints),
        Err(error) => {
            let outcome = if error.is_of_use() { Outcome::WrongUse } else { Outcome::Failed };
            complain!("greenwave: {:#}", anyhow::Error::from(error));
            return outcome;
        }
    }
    Outcome::Done
}

fn tell(args: &SavepointArgs, job: &str, savepoints: &[Savepoint]) {
    if args.output == Page::Json {
        return say!("{}", serde_json::to_string(savepoints).unwrap_or_default());
    }
    if let Some(name) = args.name.as_ref().filter(|_| args.remove) {
        return say!("savepoint {name} of job {job} is removed; what only it held goes at the job's next checkpoint");
    }
    if savepoints.is_empty() {
        say!("job {job} has no savepoints");
    }
    for Savepoint { name, tick, now_ms, objects, bytes, .. } in savepoints {
        let now = iso::zulu(*now_ms);
        say!(
            "savepoint {name} of job {job}: the city at {now}, tick {tick}, {objects} objects, {bytes} bytes of state"
        );
    }
    if args.name.is_some() {
        let (file, name) = (args.file.display(), &savepoints[0].name);
        say!("start from it: greenwave submit {file} --name NEW --from {job}/{name} --conf lake=…");
    }
}

/// A name that is a file's name everywhere.
pub fn parse_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() || text.len() > 64 || text.starts_with('.') || !text.chars().all(plain) {
        return Err("a name has 1 to 64 letters, digits, - and _".into());
    }
    Ok(text.to_owned())
}

/// `JOB/NAME`.
pub fn parse_from(text: &str) -> Result<String, String> {
    let (job, name) = text.split_once('/').ok_or("write JOB/NAME, as `greenwave savepoint` tells it")?;
    parse_name(job)?;
    parse_name(name)?;
    Ok(text.to_owned())
}
