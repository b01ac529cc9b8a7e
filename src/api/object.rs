//! Object management (PKCS#11 3.0 sec. 5.7).

use super::{Trace, bad, call, raw};
use crate::error::{Error, ObjectError};
use cryptoki_sys::*;

pub unsafe extern "C" fn C_CreateObject(
    session: CK_SESSION_HANDLE,
    template: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
    object: CK_OBJECT_HANDLE_PTR,
) -> CK_RV {
    call("C_CreateObject", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        let arena = raw::Arena::default();
        // SAFETY: the caller's promise about its template and its place for a handle.
        let (template, place) =
            unsafe { (raw::template(template, count, &arena)?, raw::place(object, "phObject is null")?) };
        *place = session.create_object(&template)?;
        Ok(())
    })
}

pub unsafe extern "C" fn C_CopyObject(
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    template: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
    copy: CK_OBJECT_HANDLE_PTR,
) -> CK_RV {
    call("C_CopyObject", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        let arena = raw::Arena::default();
        // SAFETY: the caller's promise about its template and its place for a handle.
        let (template, place) =
            unsafe { (raw::template(template, count, &arena)?, raw::place(copy, "phNewObject is null")?) };
        *place = session.copy_object(object, &template)?;
        Ok(())
    })
}

pub unsafe extern "C" fn C_DestroyObject(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE) -> CK_RV {
    call("C_DestroyObject", Trace::session(session), |library, _| {
        library.session(session)?.destroy_object(object)
    })
}

pub unsafe extern "C" fn C_GetObjectSize(
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    size: CK_ULONG_PTR,
) -> CK_RV {
    call("C_GetObjectSize", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller passes null or a place for a number.
        let place = unsafe { raw::place(size, "pulSize is null") }?;
        *place = session.object_size(object)? as CK_ULONG;
        Ok(())
    })
}

/// Every attribute is answered; of several faults the call tells a sensitive one first, then an unknown type,
/// then a buffer that is too small (sec. 5.7.5 leaves the choice).
pub unsafe extern "C" fn C_GetAttributeValue(
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    template: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
) -> CK_RV {
    call("C_GetAttributeValue", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller's promise about its template.
        let template = unsafe { raw::template_to_fill(template, count) }?;
        let view = session.view_object(object)?;
        let mut worst: Option<Error> = None;
        for attribute in template {
            // SAFETY: the caller's promise about the attribute's buffer.
            if let Err(error) = unsafe { raw::fill_attribute(attribute, view.read(attribute.type_)) }
                && worst.as_ref().is_none_or(|w| gravity(&error) > gravity(w))
            {
                worst = Some(error);
            }
        }
        worst.map_or(Ok(()), Err)
    })
}

fn gravity(error: &Error) -> u8 {
    match error {
        Error::Object(ObjectError::Sensitive(_)) => 3,
        Error::Object(ObjectError::TypeInvalid(_)) => 2,
        _ => 1,
    }
}

pub unsafe extern "C" fn C_SetAttributeValue(
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    template: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
) -> CK_RV {
    call("C_SetAttributeValue", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        let arena = raw::Arena::default();
        if template.is_null() {
            return Err(bad("the template is null"));
        }
        // SAFETY: the caller's promise about its template.
        session.set_attributes(object, &unsafe { raw::template(template, count, &arena) }?)
    })
}

pub unsafe extern "C" fn C_FindObjectsInit(
    session: CK_SESSION_HANDLE,
    template: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
) -> CK_RV {
    call("C_FindObjectsInit", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        let arena = raw::Arena::default();
        // SAFETY: the caller's promise about its template.
        session.find_init(&unsafe { raw::template(template, count, &arena) }?)
    })
}

pub unsafe extern "C" fn C_FindObjects(
    session: CK_SESSION_HANDLE,
    objects: CK_OBJECT_HANDLE_PTR,
    room: CK_ULONG,
    count: CK_ULONG_PTR,
) -> CK_RV {
    call("C_FindObjects", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller passes null or a place for a number.
        let count = unsafe { raw::place(count, "pulObjectCount is null") }?;
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(isize::MAX as usize / size_of::<u64>());
        if objects.is_null() && library.active.rules.count_of_found {
            *count = session.left_to_find()?.min(room) as CK_ULONG;
            return Ok(());
        }
        if objects.is_null() {
            return Err(bad("phObject is null"));
        }
        // SAFETY: not null, with room for so many handles, by the caller's promise.
        let objects = unsafe { std::slice::from_raw_parts_mut(objects, room) };
        *count = session.find(objects)? as CK_ULONG;
        Ok(())
    })
}

pub unsafe extern "C" fn C_FindObjectsFinal(session: CK_SESSION_HANDLE) -> CK_RV {
    call("C_FindObjectsFinal", Trace::session(session), |library, _| library.session(session)?.find_final())
}
