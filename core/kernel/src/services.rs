//! What the program offers to primitives.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::rc::Rc;

use crate::Place;
use crate::primitive::Service;

/// What the program offers to primitives, by type.
#[derive(Default)]
pub struct Services(HashMap<TypeId, Rc<dyn Any>>);

impl Services {
    /// Adds a service.
    pub fn add<S: Service>(&mut self, service: S) {
        self.0.insert(TypeId::of::<S>(), Rc::new(service));
    }

    /// Where the run is.
    pub(crate) fn place(&self) -> Rc<Place> {
        self.get().unwrap_or_default()
    }

    pub(crate) fn get<S: Service>(&self) -> Option<Rc<S>> {
        self.0.get(&TypeId::of::<S>()).cloned().and_then(|service| service.downcast().ok())
    }
}
