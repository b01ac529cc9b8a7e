/* A PKCS#11 program in C: loads the module, lists its slots, logs in to the token with that label,
 * makes a key that never leaves it, encrypts and decrypts with it.
 *
 *   cc $(pkg-config --cflags p11-kit-1) -I include tests/c/encrypt.c -o encrypt -ldl
 *   ./encrypt target/release/libvhsm_pkcs11.so demo kmsuser:password
 */
#include <p11-kit/pkcs11.h>
#include <vhsm.h>

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static void must(CK_RV rv, const char *call, int line, int *failed) {
    if (rv == CKR_OK) return;
    fprintf(stderr, "line %d: %s -> 0x%lx\n", line, call, rv);
    *failed = 1;
}

#define MUST(call) do { must((call), #call, __LINE__, &failed); if (failed) return 1; } while (0)

int main(int argc, char **argv) {
    int failed = 0;
    if (argc != 4) {
        fprintf(stderr, "usage: encrypt MODULE LABEL PIN\n");
        return 2;
    }
    void *module = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!module) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    CK_C_GetFunctionList function_list = (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList");
    CK_FUNCTION_LIST *p11;
    MUST(function_list(&p11));
    CK_C_INITIALIZE_ARGS locking = {.flags = CKF_OS_LOCKING_OK};
    MUST(p11->C_Initialize(&locking));

    CK_SLOT_ID slots[16], slot = CK_UNAVAILABLE_INFORMATION;
    CK_ULONG n = 16;
    size_t label_bytes = strlen(argv[2]);
    MUST(p11->C_GetSlotList(CK_TRUE, slots, &n));
    for (CK_ULONG i = 0; i < n; i++) {
        CK_TOKEN_INFO token;
        MUST(p11->C_GetTokenInfo(slots[i], &token));
        printf("slot %lu: token %.32s serial %.16s\n", slots[i], token.label, token.serialNumber);
        if (label_bytes < 32 && !memcmp(token.label, argv[2], label_bytes) && token.label[label_bytes] == ' ')
            slot = slots[i];
    }

    CK_SESSION_HANDLE session;
    MUST(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
    MUST(p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)argv[3], strlen(argv[3])));

    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ULONG bytes = 32;
    CK_ATTRIBUTE template[] = {
        {CKA_TOKEN, &no, sizeof no},          {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes},    {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_ENCRYPT, &yes, sizeof yes},      {CKA_DECRYPT, &yes, sizeof yes},
        {CKA_VALUE_LEN, &bytes, sizeof bytes},
    };
    CK_MECHANISM make = {CKM_AES_KEY_GEN, NULL, 0};
    CK_OBJECT_HANDLE key;
    MUST(p11->C_GenerateKey(session, &make, template, sizeof template / sizeof *template, &key));

    CK_BYTE value[32];
    CK_ATTRIBUTE secret = {CKA_VALUE, value, sizeof value};
    if (p11->C_GetAttributeValue(session, key, &secret, 1) != CKR_ATTRIBUTE_SENSITIVE) {
        fprintf(stderr, "the key's value was not refused\n");
        return 1;
    }
    printf("the key's value is refused\n");

    CK_BYTE iv[12], text[] = "attack at dawn", sealed[64], opened[64];
    CK_ULONG sealed_bytes = sizeof sealed, opened_bytes = sizeof opened;
    MUST(p11->C_GenerateRandom(session, iv, sizeof iv));
    CK_GCM_PARAMS params = {iv, sizeof iv, 8 * sizeof iv, NULL, 0, 128};
    CK_MECHANISM gcm = {CKM_AES_GCM, &params, sizeof params};
    MUST(p11->C_EncryptInit(session, &gcm, key));
    MUST(p11->C_Encrypt(session, text, sizeof text, sealed, &sealed_bytes));
    if (sealed_bytes != sizeof text + 16 || !memcmp(sealed, text, sizeof text)) {
        fprintf(stderr, "not encrypted\n");
        return 1;
    }
    MUST(p11->C_DecryptInit(session, &gcm, key));
    MUST(p11->C_Decrypt(session, sealed, sealed_bytes, opened, &opened_bytes));
    if (opened_bytes != sizeof text || memcmp(opened, text, sizeof text)) {
        fprintf(stderr, "decrypted to something else\n");
        return 1;
    }
    printf("encrypted and decrypted: %s\n", opened);
    MUST(p11->C_Finalize(NULL));
    return 0;
}
