//! Child processes that cannot outlive the test process: killed on drop, and by the kernel if the test is killed.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use crate::try_wait_for;

/// How long a server may take to end by itself before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// A running child. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts `command`.
    pub fn spawn(command: Command) -> io::Result<Self> {
        Ok(Self { child: fork_from_keeper(command)?, ended: None })
    }

    /// The number the system knows it by.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The piped ends, for whoever reads them.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("a child of ours can be waited for");
        }
        self.ended
    }

    /// Sends a signal; nothing once it has ended and been reaped, since its number may then be another's.
    pub fn signal(&mut self, signal: i32) {
        if self.ended().is_none() {
            // SAFETY: the child is not reaped, so the number is still its own.
            unsafe { libc::kill(self.pid() as libc::pid_t, signal) };
        }
    }

    /// SIGKILL, and back only when it is gone.
    pub fn kill_9(&mut self) -> ExitStatus {
        self.signal(libc::SIGKILL);
        let status = self.child.wait().expect("a child of ours can be waited for");
        self.ended = Some(status);
        status
    }

    /// SIGTERM, then SIGKILL if that does not end it in time.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(libc::SIGTERM);
        self.wait(STOP_LIMIT).unwrap_or_else(|| self.kill_9())
    }

    /// Waits for its end; `None` once `limit` has passed.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        try_wait_for(limit, || self.ended())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended().is_none() {
            self.kill_9();
        }
    }
}

type Order = (Command, Sender<io::Result<Child>>);

/// Starts children on one thread that never ends. The kernel's death signal follows the *thread* that forked, and a
/// test's thread ends with the test, while a shared broker must live on.
fn fork_from_keeper(command: Command) -> io::Result<Child> {
    static KEEPER: OnceLock<Sender<Order>> = OnceLock::new();
    let keeper = KEEPER.get_or_init(|| {
        let (orders, ordered) = channel::<Order>();
        std::thread::spawn(move || {
            for (command, answer) in ordered {
                let _ = answer.send(die_with_us(command).spawn());
            }
        });
        orders
    });
    let (answer, answered) = channel();
    keeper.send((command, answer)).expect("the keeper ends with the process");
    answered.recv().expect("the keeper answers every order")
}

fn die_with_us(mut command: Command) -> Command {
    let parent = std::process::id();
    // SAFETY: between fork and exec only two system calls are made, and nothing is allocated.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                return Err(io::Error::last_os_error());
            }
            // The parent may have been killed before the line above took effect.
            if libc::getppid() as u32 != parent {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            Ok(())
        });
    }
    command
}
