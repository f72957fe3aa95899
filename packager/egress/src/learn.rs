//! Rules that allow what the log of a gateway shows, and little else.
//!
//! # Design
//!
//! Lines become requests (`line`), and these add up in bounded memory (`tally`, `trie`): the paths of each caller, segment by
//! segment. From them come patterns (`generalise`), rules (`propose`, `group`) and their text (`render`), which is put behind the
//! rules of a file or stands alone (`finish`). The engine has the last word: the text that a user gets is read and compiled like
//! any other, and every request that was kept is put to it.
//!
//! Nothing is learned of headers and queries: a log has no queries and few headers, and both have secrets.

mod evidence;
mod fields;
mod finish;
mod generalise;
mod group;
mod judge;
mod likeness;
mod line;
mod merge;
mod moment;
mod name;
mod propose;
mod render;
mod seen;
mod tally;
mod trie;

pub use self::evidence::{Evidence, grouped};
pub use self::finish::{Apart, Learned, Unlearned};
pub use self::judge::Base;
pub use self::moment::Moment;
pub use self::propose::{Generalisation, LearnedCaller, LearnedOperation, LearnedRule};
pub use self::seen::Unread;
pub use self::tally::{
    ApartKey, Counts, LONGEST_LINE, Learner, MOST_APART, MOST_CALLERS, MOST_HOSTS, MOST_METHODS, Options, Why,
};
pub use self::trie::{DEEPEST, MOST_SEGMENTS, MOST_VALUES};
