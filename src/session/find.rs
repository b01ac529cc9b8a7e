//! Searching (PKCS#11 3.0 sec. 5.7.7): the handles are fixed when the search begins.

use super::Session;
use super::held::Held;
use crate::cluster::ObjectId;
use crate::error::{CallError, Error};
use crate::object::{Object, Template};
use cryptoki_sys::*;
use std::sync::Arc;

/// Candidates up to which opened objects are kept: a search through everything must not push out what is used.
const CACHED_CANDIDATES: usize = 64;

/// The handles of a search that are not told yet, last first.
pub(super) struct Find {
    handles: Vec<u64>,
}

impl Session {
    /// C_FindObjectsInit
    pub fn find_init(&self, template: &Template) -> Result<(), Error> {
        let mut state = self.state();
        if state.find.is_some() {
            return Err(CallError::OperationActive.into());
        }
        let mut handles = self.matching(template)?;
        handles.reverse();
        state.find = Some(Find { handles });
        Ok(())
    }

    /// C_FindObjects: writes as many handles as there are and fit.
    pub fn find(&self, room: &mut [u64]) -> Result<usize, Error> {
        let mut state = self.state();
        let find = state.find.as_mut().ok_or(CallError::OperationNotInitialized)?;
        let told = room.len().min(find.handles.len());
        for place in &mut room[..told] {
            *place = find.handles.pop().unwrap_or_default();
        }
        Ok(told)
    }

    /// How many handles of the search are not told yet.
    pub fn left_to_find(&self) -> Result<usize, Error> {
        match &self.state().find {
            Some(find) => Ok(find.handles.len()),
            None => Err(CallError::OperationNotInitialized.into()),
        }
    }

    /// C_FindObjectsFinal
    pub fn find_final(&self) -> Result<(), Error> {
        match self.state().find.take() {
            Some(_) => Ok(()),
            None => Err(CallError::OperationNotInitialized.into()),
        }
    }

    fn matching(&self, template: &Template) -> Result<Vec<u64>, Error> {
        let query = Query::new(template);
        if let Some(profiles) = self.matching_profiles(&query)? {
            return Ok(profiles);
        }
        let mut handles = match query.token {
            Some(false) => Vec::new(),
            _ => self.matching_token_objects(&query)?,
        };
        if query.token != Some(true) {
            let user = self.slot.user_is_in();
            let visible = |object: &Object| user || !object.flag(CKA_PRIVATE);
            let mut found =
                self.slot.session_objects.matching(|_, o| visible(o) && o.matches(&query.attributes));
            self.keep_unique(&query, &mut found)?;
            handles.extend(found);
        }
        Ok(handles)
    }

    fn matching_token_objects(&self, query: &Query) -> Result<Vec<u64>, Error> {
        let access = self.slot.access()?;
        let (ids, exact) =
            self.slot.clusters.candidates(access.cluster(), access.user(), &query.attributes)?;
        let mut handles: Vec<u64> = if exact {
            ids.into_iter().map(|id| id.0).collect()
        } else {
            let few = ids.len() <= CACHED_CANDIDATES;
            let mut kept = Vec::with_capacity(ids.len().min(1024));
            for id in ids {
                if self.candidate(id, few)?.is_some_and(|held| held.object.matches(&query.attributes)) {
                    kept.push(id.0);
                }
            }
            kept
        };
        if self.slot.lacks_some() {
            let mut there = Vec::with_capacity(handles.len());
            for handle in handles {
                if self.glance(ObjectId(handle))?.is_some() {
                    there.push(handle);
                }
            }
            handles = there;
        }
        self.keep_unique(query, &mut handles)?;
        Ok(handles)
    }

    fn candidate(&self, id: ObjectId, keep: bool) -> Result<Option<Arc<Held>>, Error> {
        if keep { self.object(id.0) } else { self.glance(id) }
    }

    fn keep_unique(&self, query: &Query, handles: &mut Vec<u64>) -> Result<(), Error> {
        let Some(unique_id) = query.unique_id else { return Ok(()) };
        let mut kept = Vec::new();
        for handle in handles.drain(..) {
            if self.unique_id(handle)?.as_bytes() == unique_id {
                kept.push(handle);
            }
        }
        *handles = kept;
        Ok(())
    }
}

/// A template taken apart: what the place of an object answers, and what the object does.
pub(super) struct Query<'a> {
    pub token: Option<bool>,
    pub unique_id: Option<&'a [u8]>,
    pub attributes: Template<'a>,
}

impl<'a> Query<'a> {
    fn new(template: &Template<'a>) -> Self {
        let mut query = Query { token: None, unique_id: None, attributes: Template::default() };
        for attribute in &template.attributes {
            match (attribute.kind, attribute.value) {
                (CKA_TOKEN, [flag @ (0 | 1)]) if query.token.is_none() => query.token = Some(*flag == 1),
                (CKA_UNIQUE_ID, value) if query.unique_id.is_none() => query.unique_id = Some(value),
                _ => query.attributes.attributes.push(*attribute),
            }
        }
        query
    }
}
