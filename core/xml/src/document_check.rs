//! Checks of communications beyond our own: plugins stand in here.

use std::rc::Rc;

use ceralacca_kernel::{Call, Error, Service, Touch};

use crate::Finding;

/// Somebody who checks communications.
pub trait DocumentCheck {
    /// What is found in a communication: its file's name and its bytes.
    ///
    /// # Errors
    /// When it cannot be checked; it is then not called clean.
    fn control(&self, call: &Call<'_>, file: &str, bytes: &[u8]) -> Result<Vec<Finding>, Error>;
}

/// The checks of a run.
#[derive(Clone, Default)]
pub struct DocumentChecks(Vec<Rc<dyn DocumentCheck>>);

impl Service for DocumentChecks {
    const TOUCH: Option<Touch> = None;
}

impl DocumentChecks {
    /// These checks, one after the other.
    pub fn new(checks: Vec<Rc<dyn DocumentCheck>>) -> DocumentChecks {
        DocumentChecks(checks)
    }

    /// What all of them find.
    ///
    /// # Errors
    /// The first one's that cannot check.
    pub(crate) fn control(
        &self,
        call: &Call<'_>,
        file: &str,
        bytes: &[u8],
    ) -> Result<Vec<Finding>, Error> {
        let found = self.0.iter().map(|check| check.control(call, file, bytes));
        Ok(found.collect::<Result<Vec<_>, Error>>()?.concat())
    }
}
