//! The `greenwave` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    greenwave_launcher::run(std::env::args_os())
}
