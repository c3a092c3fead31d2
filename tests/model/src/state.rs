/// Room for transactions in a state; more than any bound, so that a phone left alone still has room to settle.
pub const MAX: usize = 11;

/// A transaction, by the order of its begin.
pub type Tx = u8;

/// A token: 0 is T_0, otherwise one more than the transaction that it was made in.
pub type Token = u8;

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A signature with this key, 0 or 1.
    Sign(u8),
    /// Only spend the token.
    Rotate,
    /// Ask what became of a submission.
    Sync,
}

/// How far a transaction is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stage {
    /// No submission yet.
    Awaiting,
    /// Charged, not evaluated.
    Processing,
    /// With its verdict.
    Done(Verdict),
    /// Cancelled, or forgotten.
    #[default]
    Over,
}

/// What a phone is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "as in the engine")]
pub enum Verdict {
    Signed,
    WrongPin,
    Rotated,
    NotAdvanced,
    Advanced,
    Failed,
}

/// A sealed message; one for each transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Submission {
    /// 0 the phone, 1 its copy.
    pub from: u8,
    /// T_i.
    pub token: Token,
    /// h(T_{i+1}) is of this token.
    pub next: Token,
    /// Made with the right PIN.
    pub right: bool,
    /// What a sync asks about.
    pub pending: Tx,
}

/// One row of the server's table, with the message that exists for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "said by the types")]
pub struct Transaction {
    pub operation: Operation,
    pub stage: Stage,
    /// Its time is over, for the server and for the phone.
    pub expired: bool,
    pub submission: Option<Submission>,
    /// So much that a signature comes too late for the relying party.
    pub overdue: bool,
    /// The message is in the network, for good.
    pub sent: bool,
    /// A handler has checked it without a lock and not gone on yet.
    pub admitted: bool,
}

impl Default for Transaction {
    fn default() -> Self {
        Self {
            operation: Operation::Sync,
            stage: Stage::Over,
            expired: false,
            overdue: false,
            submission: None,
            sent: false,
            admitted: false,
        }
    }
}

/// Whether the account can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Account {
    /// In use.
    #[default]
    Open,
    /// By its owner.
    Deleted,
    /// Two copies of the phone.
    Cloned,
}

/// One key's counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Key {
    /// Wrong PINs in a row.
    pub failed: u8,
    /// No PIN is taken.
    pub locked: bool,
    /// The evaluation under way.
    pub in_flight: Option<Tx>,
}

/// The server's rows about one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "said by the names")]
pub struct Server {
    pub account: Account,
    /// The hash of this token is the current one.
    pub token: Token,
    /// Tokens spent.
    pub seq: u8,
    pub keys: [Key; 2],
    /// Transactions begun so far.
    pub begun: u8,
}

/// What a phone waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "as in the device crate")]
pub enum Waiting {
    #[default]
    Nothing,
    Begun(Operation),
    Verdict,
    Sync(Tx),
}

/// A phone that follows the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Phone {
    /// On the disk: T_i.
    pub token: Token,
    /// On the disk: the submission whose verdict is not known.
    pub pending: Option<Tx>,
    /// On the disk: told that the account is closed.
    pub shut: bool,
    /// In memory.
    pub waiting: Waiting,
    /// In memory: the PIN is due for this offer.
    pub asked: Option<Tx>,
    /// In memory: sending again will not do.
    pub doubt: bool,
    /// Answers under way to it: offers.
    pub(crate) offers: u16,
    /// Answers under way to it: verdicts and refusals.
    pub(crate) said: u16,
}

/// A copy that follows no protocol: whatever can be made from what it knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Thief {
    /// Tokens.
    pub(crate) known: u16,
    /// Transactions it has begun.
    pub(crate) offers: u16,
}

/// What no part of the system knows, for the properties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Ghost {
    pub(crate) copied: bool,
    /// Who spent a token first after the copy: 1 the phone, 2 the copy.
    pub(crate) branch: u8,
    /// The submission that both had when the copy was made.
    pub(crate) shared: Option<Tx>,
    /// Wrong PINs whose verdict somebody could see since the last right one.
    pub(crate) evaluated: [u8; 2],
    /// Locks that ended since the last right PIN.
    pub(crate) unlocks: [u8; 2],
}

/// Everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The server.
    pub server: Server,
    /// Its transactions.
    pub txs: [Transaction; MAX],
    /// The phone, and a copy that follows the protocol.
    pub phones: [Phone; 2],
    pub(crate) thief: Thief,
    /// Begin requests that were ever sent, one bit for each kind.
    pub(crate) begins: u8,
    pub(crate) ghost: Ghost,
}

impl Default for State {
    /// A phone after registration.
    fn default() -> Self {
        Self {
            server: Server::default(),
            txs: [Transaction::default(); MAX],
            phones: [
                Phone::default(),
                // There is no copy yet.
                Phone {
                    shut: true,
                    ..Phone::default()
                },
            ],
            thief: Thief::default(),
            begins: 0,
            ghost: Ghost::default(),
        }
    }
}

impl State {
    /// A transaction.
    #[must_use]
    pub fn tx(&self, tx: Tx) -> &Transaction {
        &self.txs[usize::from(tx)]
    }

    pub(crate) fn tx_mut(&mut self, tx: Tx) -> &mut Transaction {
        &mut self.txs[usize::from(tx)]
    }

    /// A phone.
    #[must_use]
    pub fn phone(&self, who: u8) -> &Phone {
        &self.phones[usize::from(who)]
    }

    pub(crate) fn phone_mut(&mut self, who: u8) -> &mut Phone {
        &mut self.phones[usize::from(who)]
    }
}

impl Phone {
    /// Forgets all that is only in memory.
    pub(crate) fn crash(&mut self) {
        *self = Self {
            token: self.token,
            pending: self.pending,
            shut: self.shut,
            ..Self::default()
        };
    }

    /// T_{i+1} takes the place of T_i.
    pub(crate) fn promote(&mut self, next: Token) {
        self.token = next;
        self.pending = None;
    }
}
