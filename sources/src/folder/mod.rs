//! Folders of JSON lines: a partition is a file, an offset is a line's number, counted from 0.
//!
//! `<input>/<topic or alias>/…` holds a topic's files: `.json`, `.jsonl` or `.ndjson`, plain or with `.gz` or `.zst`
//! behind it, in sub-folders too. A partition is named by its path below the input folder, that of the topic included:
//! `gps/part-00000.jsonl` of topic `gps_data`. Files directly in the input folder are not records.
//!
//! What a run makes of a folder is a function of the bytes. Files are read in blocks, one
//! [`Batch`](greenwave_model::Batch) a block. A block ends at every multiple of [`BLOCK_LINES`] lines, and with a line
//! that moves the file's clock across a border of event time (`block.rs`): so a file with few lines a minute runs ahead of
//! one with many by that little, not by a thousand lines. There is one true order of blocks: the next one is that of the
//! unfinished file whose clock is lowest, where a file without a clock counts with its first event time (none at all
//! comes first) and ties go to the lower partition number. Threads decode ahead in an order they predict and *send in
//! the true order*, whoever decoded a block and however many threads there are.
//!
//! A folder need not exist: the lines of a simulated city are made as they are read (`origin.rs`), the same bytes in the
//! same partitions as if it had been written.
//!
//! **No deadlock.** The leader binds blocks in the true order, so all it can lack is the first block not sent.
//! 1. That block is always taken before any other, whatever has been decoded ahead (`plan`), and is sent as soon as it
//!    is decoded: so it arrives unless the budget or the channel of the thread that decoded it is full.
//! 2. The channel is drained whenever the worker is woken. A full budget holds sent blocks, all of them before the one
//!    that waits in the true order: the leader can bind those, and binding them releases them.
//! 3. A tick has a limit in bytes, a fraction of the budget of one thread: a thread whose budget is full has sent more
//!    than a whole tick.

mod block;
mod compressed;
mod forecast;
mod lines;
mod listing;
mod open;
mod origin;
mod plan;
mod reader;

pub(crate) use block::ends_block;
pub use lines::BLOCK_LINES;
pub(crate) use lines::Block;
pub use open::{Folder, FolderSettings, open};
pub use origin::Origin;
pub use reader::start;
