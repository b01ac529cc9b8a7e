/* vhsm.h: what a C program needs beside a standard PKCS#11 header to use vhsm, a virtual AWS CloudHSM.
 *
 * Include it after the pkcs11.h of your choice (p11-kit's, OASIS's). vhsm is a standard PKCS#11 module with
 * C_GetFunctionList (2.40), C_GetInterfaceList and C_GetInterface (2.40 and 3.0). Nothing is linked: load
 * libvhsm_pkcs11.so by dlopen, or through your PKCS#11 wrapper; tests/c/encrypt.c is a whole program.
 *
 * A PIN for C_Login is "user:password" with a user of the token's cluster, or a password alone: that of the
 * cluster's default or only crypto user (CKU_USER), or of "admin" (CKU_SO).
 */
#ifndef VHSM_H
#define VHSM_H

/* PKCS#11 3.0 constants of what vhsm does, for headers that stop at 2.40. */

#ifndef CKA_UNIQUE_ID
#define CKA_UNIQUE_ID 0x00000004UL
#endif

#ifndef CKM_SHA3_256
#define CKM_SHA3_256 0x000002b0UL
#define CKM_SHA3_256_HMAC 0x000002b1UL
#define CKM_SHA3_256_HMAC_GENERAL 0x000002b2UL
#define CKM_SHA3_256_KEY_GEN 0x000002b3UL
#define CKM_SHA3_224 0x000002b5UL
#define CKM_SHA3_224_HMAC 0x000002b6UL
#define CKM_SHA3_224_HMAC_GENERAL 0x000002b7UL
#define CKM_SHA3_224_KEY_GEN 0x000002b8UL
#define CKM_SHA3_384 0x000002c0UL
#define CKM_SHA3_384_HMAC 0x000002c1UL
#define CKM_SHA3_384_HMAC_GENERAL 0x000002c2UL
#define CKM_SHA3_384_KEY_GEN 0x000002c3UL
#define CKM_SHA3_512 0x000002d0UL
#define CKM_SHA3_512_HMAC 0x000002d1UL
#define CKM_SHA3_512_HMAC_GENERAL 0x000002d2UL
#define CKM_SHA3_512_KEY_GEN 0x000002d3UL
#endif

#ifndef CKM_SHA_1_KEY_GEN
#define CKM_SHA_1_KEY_GEN 0x00004003UL
#define CKM_SHA224_KEY_GEN 0x00004004UL
#define CKM_SHA256_KEY_GEN 0x00004005UL
#define CKM_SHA384_KEY_GEN 0x00004006UL
#define CKM_SHA512_KEY_GEN 0x00004007UL
#define CKM_SHA512_224_KEY_GEN 0x00004008UL
#define CKM_SHA512_256_KEY_GEN 0x00004009UL
#endif

#ifndef CKM_AES_KEY_WRAP_KWP
#define CKM_AES_KEY_WRAP_KWP 0x0000210bUL
#endif
#ifndef CKM_AES_KEY_WRAP_PKCS7
#define CKM_AES_KEY_WRAP_PKCS7 0x0000210cUL
#endif

#endif /* VHSM_H */
