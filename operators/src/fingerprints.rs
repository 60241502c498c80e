//! A set of fingerprints, each with the bucket it was last seen in: linear probing over one flat table.
//!
//! Lookups of a batch are independent of each other, so their cache misses overlap ([`Fingerprints::touch`]).
//! A fingerprint whose bucket has expired counts as absent; its place is reused, or given up at the next rebuild.

/// A number of a bucket; rises by one from cut to cut. 0 marks an empty place.
pub type Bucket = u32;

#[derive(Clone, Copy, Debug)]
pub struct Seen {
    fingerprint: [u64; 2],
    pub bucket: Bucket,
    /// Free for the caller to use.
    pub note: u32,
}

const EMPTY: Seen = Seen { fingerprint: [0; 2], bucket: 0, note: 0 };
const PLACES_MIN: usize = 1 << 10;

pub struct Fingerprints {
    places: Vec<Seen>,
    /// Places that are not empty, expired ones included.
    used: usize,
}

fn halves(fingerprint: u128) -> [u64; 2] {
    [fingerprint as u64, (fingerprint >> 64) as u64]
}

/// The slice a fingerprint belongs to. Uses other bits than the place in the table, which one worker's share of the
/// slices must fill evenly.
pub fn vnode(fingerprint: u128) -> u8 {
    let [low, high] = halves(fingerprint);
    ((low ^ high.rotate_left(29)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
}

impl Fingerprints {
    pub fn new() -> Self {
        Self { places: vec![EMPTY; PLACES_MIN], used: 0 }
    }

    fn home(&self, [low, high]: [u64; 2]) -> usize {
        let mixed = (low.wrapping_add(high.rotate_left(32))).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        ((u128::from(mixed ^ (mixed >> 32)).wrapping_mul(self.places.len() as u128)) >> 64) as usize
    }

    /// Starts the load of a fingerprint's place; fold the answers of a batch together so that they are not dropped.
    #[inline]
    pub fn touch(&self, fingerprint: u128) -> u32 {
        self.places[self.home(halves(fingerprint))].bucket
    }

    /// The entry of a fingerprint and whether it was there, in a bucket not before `oldest`.
    /// An entry that was not there is entered under `bucket` at once.
    #[inline]
    pub fn enter(&mut self, fingerprint: u128, bucket: Bucket, oldest: Bucket) -> (&mut Seen, bool) {
        if (self.used + 1) * 4 > self.places.len() * 3 {
            self.rebuild(oldest);
        }
        let wanted = halves(fingerprint);
        let mut at = self.home(wanted);
        let mut reusable = None;
        loop {
            let seen = &self.places[at];
            if seen.bucket == 0 {
                break;
            }
            if seen.bucket < oldest {
                reusable = reusable.or(Some(at));
            } else if seen.fingerprint == wanted {
                return (&mut self.places[at], true);
            }
            at += 1;
            if at == self.places.len() {
                at = 0;
            }
        }
        if reusable.is_none() {
            self.used += 1;
        }
        let place = &mut self.places[reusable.unwrap_or(at)];
        *place = Seen { fingerprint: wanted, bucket, note: 0 };
        (place, false)
    }

    /// Gives up expired places; afterwards the table is at most half full.
    fn rebuild(&mut self, oldest: Bucket) {
        let live = self.live(oldest);
        let fresh = vec![EMPTY; (live * 2).max(PLACES_MIN)];
        let old = std::mem::replace(&mut self.places, fresh);
        self.used = live;
        for seen in old.into_iter().filter(|seen| seen.bucket != 0 && seen.bucket >= oldest) {
            let mut at = self.home(seen.fingerprint);
            while self.places[at].bucket != 0 {
                at = if at + 1 == self.places.len() { 0 } else { at + 1 };
            }
            self.places[at] = seen;
        }
    }

    fn live(&self, oldest: Bucket) -> usize {
        self.places.iter().filter(|seen| seen.bucket != 0 && seen.bucket >= oldest).count()
    }
}
