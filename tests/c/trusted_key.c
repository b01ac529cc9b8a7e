/* Makes a trusted wrapping key, as an admin does: public, for an admin reads nobody's private objects. What is unwrapped
 * with it must be extractable. Prints its handle.
 *
 *   cc '-DCRYPTOKI_HEADER=<p11-kit/pkcs11.h>' $(pkg-config --cflags p11-kit-1) tests/c/trusted_key.c -o trusted_key -ldl
 *   ./trusted_key target/release/libvhsm_pkcs11.so admin:password LABEL
 */
#include CRYPTOKI_HEADER

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static int must(CK_RV rv, const char *call, int line) {
    if (rv == CKR_OK) return 0;
    fprintf(stderr, "line %d: %s -> 0x%lx\n", line, call, rv);
    return 1;
}

#define MUST(call) do { if (must((call), #call, __LINE__)) return 1; } while (0)

int main(int argc, char **argv) {
    void *module = argc == 4 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!module) {
        fprintf(stderr, "usage: trusted_key MODULE PIN LABEL\n");
        return 2;
    }
    CK_RV (*function_list)(CK_FUNCTION_LIST **);
    *(void **)&function_list = dlsym(module, "C_GetFunctionList");
    CK_FUNCTION_LIST *p11;
    MUST(function_list(&p11));
    MUST(p11->C_Initialize(NULL));
    CK_SLOT_ID slots[16];
    CK_ULONG n = 16;
    MUST(p11->C_GetSlotList(CK_TRUE, slots, &n));
    CK_SESSION_HANDLE session;
    MUST(p11->C_OpenSession(slots[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
    MUST(p11->C_Login(session, CKU_SO, (CK_UTF8CHAR *)argv[2], strlen(argv[2])));

    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ULONG bytes = 32;
    CK_ATTRIBUTE unwrapped[] = {{CKA_EXTRACTABLE, &yes, sizeof yes}};
    CK_ATTRIBUTE template[] = {
        {CKA_TOKEN, &yes, sizeof yes},   {CKA_PRIVATE, &no, sizeof no},
        {CKA_TRUSTED, &yes, sizeof yes}, {CKA_LABEL, argv[3], strlen(argv[3])},
        {CKA_WRAP, &yes, sizeof yes},    {CKA_UNWRAP, &yes, sizeof yes},
        {CKA_VALUE_LEN, &bytes, sizeof bytes},
        {CKA_UNWRAP_TEMPLATE, unwrapped, sizeof unwrapped},
    };
    CK_MECHANISM make = {CKM_AES_KEY_GEN, NULL, 0};
    CK_OBJECT_HANDLE key;
    MUST(p11->C_GenerateKey(session, &make, template, sizeof template / sizeof *template, &key));
    printf("%lu\n", key);
    MUST(p11->C_Finalize(NULL));
    return 0;
}
