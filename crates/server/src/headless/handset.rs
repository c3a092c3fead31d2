//! The phone's hands: carries out what the `device` crate asks for.

use super::{
    storage::{Storage, Stored},
    transport::Transport,
};
use anyhow::{Context, Result, bail};
use device::{Effect, Event, NewKeys, Phone, PublishedPrimes, SoftwareKeystore, View};
use engine::domain::PerPurpose;
use jiff::Timestamp;
use rand_core::UnwrapErr;
use std::{collections::VecDeque, path::Path};

/// A phone in a file, with its network.
pub struct Handset {
    phone: Phone,
    keystore: SoftwareKeystore,
    storage: Storage,
    transport: Transport,
    progress: Box<dyn FnMut(KeyProgress) + Send>,
    /// The primes of the next keys, instead of new ones.
    published_keys: Option<PerPurpose<PublishedPrimes>>,
    /// Addresses that a phone would open in its browser, until they are taken.
    to_open: Vec<String>,
}

/// How far the making of both keys is.
#[derive(Clone, Copy, Debug)]
pub struct KeyProgress {
    /// Primes found, of four.
    pub primes: u8,
    /// Numbers tried for the next one.
    pub candidates: u32,
}

impl Handset {
    /// A phone in `file`: the one that is there, or a new one for the server at `url`.
    ///
    /// # Errors
    /// The file is in use, damaged, or another server's; or there is no phone and no `url`.
    pub fn open(file: &Path, url: Option<&str>, root_key: Option<[u8; 65]>) -> Result<Self> {
        let storage = Storage::open(file)?;
        let stored = storage.load()?;
        let origin = match (&stored, url) {
            (Some(stored), Some(url)) if stored.server != url.trim_end_matches('/') => bail!(
                "the phone in {} belongs to {}; take another --file for {url}",
                file.display(),
                stored.server
            ),
            (Some(stored), _) => stored.server.clone(),
            (None, Some(url)) => url.to_owned(),
            (None, None) => bail!(
                "there is no phone in {}; register one first",
                file.display()
            ),
        };
        let transport = Transport::new(&origin)?;
        let secret = storage.keystore_secret()?;
        let keystore = SoftwareKeystore::from_secret(&secret);
        let phone = match &stored {
            Some(stored) => Phone::restore(&stored.state, &keystore)
                .with_context(|| format!("the phone in {} cannot be read", file.display()))?,
            None => Phone::new(root_key),
        };
        Ok(Self {
            phone,
            keystore,
            storage,
            transport,
            progress: Box::new(|_| {}),
            published_keys: None,
            to_open: Vec::new(),
        })
    }

    /// Whom to tell how far the making of keys is.
    pub fn on_progress(&mut self, progress: impl FnMut(KeyProgress) + Send + 'static) {
        self.progress = Box::new(progress);
    }

    /// Has the next registration use these keys instead of new ones.
    ///
    /// # Security
    /// Everybody knows them, so the account proves nothing; for test accounts only.
    pub fn dangerous_use_published_keys(&mut self, primes: PerPurpose<PublishedPrimes>) {
        self.published_keys = Some(primes);
    }

    /// The same server has another address now.
    ///
    /// # Errors
    /// It is none.
    pub fn move_to(&mut self, origin: &str) -> Result<()> {
        self.transport = Transport::new(origin)?;
        Ok(())
    }

    /// The phone itself.
    #[must_use]
    pub fn phone(&self) -> &Phone {
        &self.phone
    }

    /// See [`Phone::stop_expecting`].
    pub(crate) fn stop_expecting(&mut self) {
        self.phone.stop_expecting();
    }

    /// The addresses of e-services that the phone would have opened since the last call.
    pub fn take_addresses(&mut self) -> Vec<String> {
        std::mem::take(&mut self.to_open)
    }

    /// The server's network.
    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Feeds an event and carries out all that follows, until the phone waits for the person. Returns what it showed, the
    /// last view last.
    ///
    /// # Errors
    /// The phone's file cannot be written, or the system gives no randomness. That no answer came is no error: the phone
    /// shows it.
    pub fn act(&mut self, event: Event) -> Result<Vec<View>> {
        let mut rng = UnwrapErr(getrandom::SysRng);
        let mut views = Vec::new();
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for effect in self
                .phone
                .handle(event, &self.keystore, Timestamp::now(), &mut rng)
            {
                match effect {
                    Effect::Persist(state) => {
                        let server = self.transport.origin().to_owned();
                        self.storage.save(&Stored { server, state })?;
                    }
                    Effect::Wipe => self.storage.wipe()?,
                    Effect::GenerateKeys(profile) => {
                        let progress = &mut self.progress;
                        let mut report =
                            |device::KeyProgress { primes, candidates }: device::KeyProgress| {
                                progress(KeyProgress { primes, candidates });
                            };
                        let keys = match self.published_keys.take() {
                            Some(primes) => NewKeys::dangerous_from_published_primes(
                                profile,
                                &primes.authentication,
                                &primes.signature,
                                &mut rng,
                            )?,
                            None => NewKeys::generate(profile, &mut report, &mut rng).context(
                                "this machine's randomness is not good enough to make keys",
                            )?,
                        };
                        events.push_back(Event::KeysGenerated(Box::new(keys)));
                    }
                    Effect::Send(request) => {
                        let headers = request
                            .headers
                            .iter()
                            .map(|(name, value)| (*name, value.as_str()));
                        let id = request.id;
                        let reply = self.transport.send(
                            request.method.as_str(),
                            &request.path,
                            headers,
                            request.body,
                        );
                        events.push_back(match reply {
                            Ok(reply) => Event::Response {
                                id,
                                status: reply.status,
                                body: reply.body,
                            },
                            Err(error) => {
                                tracing::debug!(error = format!("{error:#}"), "no answer");
                                Event::NoAnswer { id }
                            }
                        });
                    }
                    Effect::Show(view) => views.push(view),
                    Effect::OpenUrl(url) => self.to_open.push(url),
                }
            }
        }
        Ok(views)
    }

    /// The same, but only what is shown in the end.
    ///
    /// # Errors
    /// As [`Handset::act`], or the phone showed nothing, which is a defect.
    pub fn act_to(&mut self, event: Event) -> Result<View> {
        self.act(event)?.pop().context("the phone shows nothing")
    }
}
