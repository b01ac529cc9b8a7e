/* vhsm.h beside the pkcs11.h that CRYPTOKI_HEADER names, in profile "cloudhsm": encrypts with an IV that the library makes and puts
 * in front, and wraps a key. The structures of a key derivation are filled as a program would.
 *
 *   cc '-DCRYPTOKI_HEADER=<p11-kit/pkcs11.h>' $(pkg-config --cflags p11-kit-1) -I include tests/c/headers.c -o headers -ldl
 *   VHSM_PROFILE=cloudhsm ./headers target/release/libvhsm_pkcs11.so kmsuser:password
 */
#include CRYPTOKI_HEADER
#include <cloudhsm_pkcs11_vendor_defs.h>
#include <vhsm.h>

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static int must(CK_RV rv, const char *call, int line) {
    if (rv == CKR_OK) return 0;
    fprintf(stderr, "line %d: %s -> 0x%lx\n", line, call, (unsigned long)rv);
    return 1;
}

#define MUST(call) do { if (must((call), #call, __LINE__)) return 1; } while (0)

static CK_BBOOL yes = 1;
static CK_ULONG bytes = 32;

static CK_RV make_key(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *key) {
    CK_ATTRIBUTE template[] = {
        {CKA_ENCRYPT, &yes, sizeof yes}, {CKA_DECRYPT, &yes, sizeof yes},
        {CKA_WRAP, &yes, sizeof yes},    {CKA_EXTRACTABLE, &yes, sizeof yes},
        {CKA_VALUE_LEN, &bytes, sizeof bytes},
    };
    CK_MECHANISM make = {CKM_AES_KEY_GEN, NULL, 0};
    return p11->C_GenerateKey(session, &make, template, sizeof template / sizeof *template, key);
}

/* A library of 64-bit numbers and pointers reads them as they lie here. */
static int structures(void) {
    CK_CLOUDHSM_SP800_108_COUNTER_FORMAT counter = {.ulWidthInBits = 32};
    CK_CLOUDHSM_SP800_108_DKM_LENGTH_FORMAT length = {CLOUDHSM_SP800_108_DKM_LENGTH_SUM_OF_KEYS, 32};
    unsigned char label[] = {1, 2, 3};
    CK_CLOUDHSM_PRF_DATA_PARAM data[] = {
        {CLOUDHSM_SP800_108_ITERATION_VARIABLE, &counter, sizeof counter},
        {CLOUDHSM_SP800_108_BYTE_ARRAY, label, sizeof label},
        {CLOUDHSM_SP800_108_DKM_LENGTH, &length, sizeof length},
    };
    CK_CLOUDHSM_SP800_108_KDF_PARAMS params = {CKM_SHA256_HMAC, sizeof data / sizeof *data, data};
    printf("structures: %zu %zu %zu %zu\n", sizeof counter, sizeof length, sizeof *data, sizeof params);
    return params.pDataParams[2].pValue == &length && params.prftype == CKM_SHA256_HMAC;
}

int main(int argc, char **argv) {
    if (argc != 3 || !structures()) return 2;
    void *module = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!module) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    CK_RV (*function_list)(CK_FUNCTION_LIST **);
    *(void **)&function_list = dlsym(module, "C_GetFunctionList");
    CK_FUNCTION_LIST *p11;
    MUST(function_list(&p11));
    MUST(p11->C_Initialize(NULL));

    CK_SLOT_ID slot;
    CK_ULONG n = 1;
    MUST(p11->C_GetSlotList(yes, &slot, &n));
    CK_SESSION_HANDLE session;
    MUST(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
    MUST(p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)argv[2], strlen(argv[2])));
    CK_OBJECT_HANDLE key, other;
    MUST(make_key(p11, session, &key));
    MUST(make_key(p11, session, &other));

    CK_BYTE text[] = "attack at dawn", sealed[64], opened[64];
    CK_ULONG sealed_bytes = sizeof sealed, opened_bytes = sizeof opened;
    CK_GCM_PARAMS params;
    memset(&params, 0, sizeof params);
    params.ulTagBits = 128;
    CK_MECHANISM gcm = {CKM_CLOUDHSM_AES_GCM, &params, sizeof params};
    MUST(p11->C_EncryptInit(session, &gcm, key));
    MUST(p11->C_Encrypt(session, text, sizeof text, sealed, &sealed_bytes));
    MUST(p11->C_DecryptInit(session, &gcm, key));
    MUST(p11->C_Decrypt(session, sealed, sealed_bytes, opened, &opened_bytes));
    if (sealed_bytes != 12 + sizeof text + 16 || opened_bytes != sizeof text || memcmp(opened, text, sizeof text))
        return 1;
    printf("encrypted and decrypted: %s\n", opened);

    const CK_MECHANISM_TYPE wraps[] = {CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD, CKM_CLOUDHSM_AES_KEY_WRAP_PKCS5_PAD,
                                       CKM_CLOUDHSM_AES_KEY_WRAP_ZERO_PAD};
    for (size_t i = 0; i < sizeof wraps / sizeof *wraps; i++) {
        CK_MECHANISM wrap = {wraps[i], NULL, 0};
        CK_BYTE wrapped[64];
        CK_ULONG wrapped_bytes = sizeof wrapped;
        MUST(p11->C_WrapKey(session, &wrap, key, other, wrapped, &wrapped_bytes));
        printf("wrapped: %lu bytes\n", (unsigned long)wrapped_bytes);
    }
    MUST(p11->C_Finalize(NULL));
    return 0;
}
