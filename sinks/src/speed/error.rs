//! What can go wrong with the speed layer, by what the caller can do about it.

#[derive(Debug, thiserror::Error)]
pub enum SpeedError {
    #[error("cannot use the speed layer at {url}: {fact}; {fix}")]
    Settings { url: String, fact: String, fix: &'static str },
    #[error("cannot reach Redis at {url}: {fact}; start it, or name another `speed`")]
    Unreachable { url: String, fact: String },
    #[error("cannot use Redis at {url}: {fact}; see that this user may run scripts and write there")]
    Refused { url: String, fact: String },
    #[error(
        "cannot use Redis at {url}: its maxmemory-policy is {policy}, which evicts what has no expiry; set noeviction or volatile-ttl, or allow it with redis.allow_evicting"
    )]
    Evicting { url: String, policy: String },
    #[error(
        "cannot use Redis at {url}: key prefix `{prefix}` belongs to job `{owner}` and this is job `{job}`; give each job a prefix of its own"
    )]
    Foreign { url: String, prefix: String, owner: String, job: String },
    #[error(
        "cannot use Redis at {url}: what it holds of job `{job}` is not of this state; put the state back that belongs to it, write everything anew with --take-over, or choose another --name and redis.key_prefix"
    )]
    OtherHistory { url: String, job: String },
    #[error(
        "cannot write to Redis as generation {generation}: generation {by} of this job has been there; let that one run, or, if its state is lost, start under another --name"
    )]
    Fenced { generation: u64, by: u64 },
    #[error(
        "cannot finish with the speed layer: it shows tick {visible} of {complete}, {fact}; the next start repeats the rest"
    )]
    Behind { visible: u64, complete: u64, fact: String },
    #[error("cannot start the speed layer's thread: {0}; raise the limit of threads")]
    Thread(std::io::Error),
}
