/* vhsm.h: what a C program needs beside a standard PKCS#11 header to use vhsm, a virtual AWS CloudHSM.
 *
 * Include it after the pkcs11.h of your choice: OASIS's, or that of p11-kit, NSS, openCryptoki, pkcs11-helper or
 * SoftHSM. vhsm is a standard PKCS#11 module with C_GetFunctionList (2.40), C_GetInterfaceList and C_GetInterface
 * (2.40, 3.0 and 3.2). Nothing is linked: load libvhsm_pkcs11.so by dlopen, or through your PKCS#11 wrapper;
 * tests/c/encrypt.c is a whole program.
 *
 * A PIN for C_Login is "user:password" with a user of the token's cluster, or a password alone: that of the
 * cluster's default or only crypto user (CKU_USER), or of "admin" (CKU_SO).
 *
 * Programs written for AWS CloudHSM's library include <cloudhsm_pkcs11_vendor_defs.h>, which lies beside this file.
 */
#ifndef VHSM_H
#define VHSM_H

#ifndef CKA_UNIQUE_ID
#define CKA_UNIQUE_ID 0x00000004UL
#endif

/* The mechanisms that vhsm has, as PKCS#11 numbers them: for headers that lack some. Made from vhsm's own table. */
/* mechanisms: begin */
#ifndef CKM_AES_KEY_GEN
#define CKM_AES_KEY_GEN 0x00001080UL
#endif
#ifndef CKM_GENERIC_SECRET_KEY_GEN
#define CKM_GENERIC_SECRET_KEY_GEN 0x00000350UL
#endif
#ifndef CKM_SHA_1_KEY_GEN
#define CKM_SHA_1_KEY_GEN 0x00004003UL
#endif
#ifndef CKM_SHA224_KEY_GEN
#define CKM_SHA224_KEY_GEN 0x00004004UL
#endif
#ifndef CKM_SHA256_KEY_GEN
#define CKM_SHA256_KEY_GEN 0x00004005UL
#endif
#ifndef CKM_SHA384_KEY_GEN
#define CKM_SHA384_KEY_GEN 0x00004006UL
#endif
#ifndef CKM_SHA512_KEY_GEN
#define CKM_SHA512_KEY_GEN 0x00004007UL
#endif
#ifndef CKM_SHA512_224_KEY_GEN
#define CKM_SHA512_224_KEY_GEN 0x00004008UL
#endif
#ifndef CKM_SHA512_256_KEY_GEN
#define CKM_SHA512_256_KEY_GEN 0x00004009UL
#endif
#ifndef CKM_SHA3_224_KEY_GEN
#define CKM_SHA3_224_KEY_GEN 0x000002b8UL
#endif
#ifndef CKM_SHA3_256_KEY_GEN
#define CKM_SHA3_256_KEY_GEN 0x000002b3UL
#endif
#ifndef CKM_SHA3_384_KEY_GEN
#define CKM_SHA3_384_KEY_GEN 0x000002c3UL
#endif
#ifndef CKM_SHA3_512_KEY_GEN
#define CKM_SHA3_512_KEY_GEN 0x000002d3UL
#endif
#ifndef CKM_AES_ECB
#define CKM_AES_ECB 0x00001081UL
#endif
#ifndef CKM_AES_CBC
#define CKM_AES_CBC 0x00001082UL
#endif
#ifndef CKM_AES_CBC_PAD
#define CKM_AES_CBC_PAD 0x00001085UL
#endif
#ifndef CKM_AES_CTR
#define CKM_AES_CTR 0x00001086UL
#endif
#ifndef CKM_AES_GCM
#define CKM_AES_GCM 0x00001087UL
#endif
#ifndef CKM_AES_CMAC
#define CKM_AES_CMAC 0x0000108aUL
#endif
#ifndef CKM_AES_CMAC_GENERAL
#define CKM_AES_CMAC_GENERAL 0x0000108bUL
#endif
#ifndef CKM_AES_KEY_WRAP
#define CKM_AES_KEY_WRAP 0x00002109UL
#endif
#ifndef CKM_AES_KEY_WRAP_KWP
#define CKM_AES_KEY_WRAP_KWP 0x0000210bUL
#endif
#ifndef CKM_AES_KEY_WRAP_PKCS7
#define CKM_AES_KEY_WRAP_PKCS7 0x0000210cUL
#endif
#ifndef CKM_AES_XTS_KEY_GEN
#define CKM_AES_XTS_KEY_GEN 0x00001072UL
#endif
#ifndef CKM_CHACHA20_KEY_GEN
#define CKM_CHACHA20_KEY_GEN 0x00001225UL
#endif
#ifndef CKM_AES_OFB
#define CKM_AES_OFB 0x00002104UL
#endif
#ifndef CKM_AES_CFB8
#define CKM_AES_CFB8 0x00002106UL
#endif
#ifndef CKM_AES_CFB128
#define CKM_AES_CFB128 0x00002107UL
#endif
#ifndef CKM_AES_CCM
#define CKM_AES_CCM 0x00001088UL
#endif
#ifndef CKM_AES_GMAC
#define CKM_AES_GMAC 0x0000108eUL
#endif
#ifndef CKM_AES_XTS
#define CKM_AES_XTS 0x00001071UL
#endif
#ifndef CKM_CHACHA20
#define CKM_CHACHA20 0x00001226UL
#endif
#ifndef CKM_CHACHA20_POLY1305
#define CKM_CHACHA20_POLY1305 0x00004021UL
#endif
#ifndef CKM_AES_MAC
#define CKM_AES_MAC 0x00001083UL
#endif
#ifndef CKM_AES_MAC_GENERAL
#define CKM_AES_MAC_GENERAL 0x00001084UL
#endif
#ifndef CKM_DES_KEY_GEN
#define CKM_DES_KEY_GEN 0x00000120UL
#endif
#ifndef CKM_DES_ECB
#define CKM_DES_ECB 0x00000121UL
#endif
#ifndef CKM_DES_CBC
#define CKM_DES_CBC 0x00000122UL
#endif
#ifndef CKM_DES_CBC_PAD
#define CKM_DES_CBC_PAD 0x00000125UL
#endif
#ifndef CKM_DES2_KEY_GEN
#define CKM_DES2_KEY_GEN 0x00000130UL
#endif
#ifndef CKM_DES3_KEY_GEN
#define CKM_DES3_KEY_GEN 0x00000131UL
#endif
#ifndef CKM_DES3_ECB
#define CKM_DES3_ECB 0x00000132UL
#endif
#ifndef CKM_DES3_CBC
#define CKM_DES3_CBC 0x00000133UL
#endif
#ifndef CKM_DES3_CBC_PAD
#define CKM_DES3_CBC_PAD 0x00000136UL
#endif
#ifndef CKM_DES3_CMAC
#define CKM_DES3_CMAC 0x00000138UL
#endif
#ifndef CKM_DES3_CMAC_GENERAL
#define CKM_DES3_CMAC_GENERAL 0x00000137UL
#endif
#ifndef CKM_MD5
#define CKM_MD5 0x00000210UL
#endif
#ifndef CKM_MD5_HMAC
#define CKM_MD5_HMAC 0x00000211UL
#endif
#ifndef CKM_MD5_HMAC_GENERAL
#define CKM_MD5_HMAC_GENERAL 0x00000212UL
#endif
#ifndef CKM_SHA_1
#define CKM_SHA_1 0x00000220UL
#endif
#ifndef CKM_SHA224
#define CKM_SHA224 0x00000255UL
#endif
#ifndef CKM_SHA256
#define CKM_SHA256 0x00000250UL
#endif
#ifndef CKM_SHA384
#define CKM_SHA384 0x00000260UL
#endif
#ifndef CKM_SHA512
#define CKM_SHA512 0x00000270UL
#endif
#ifndef CKM_SHA512_224
#define CKM_SHA512_224 0x00000048UL
#endif
#ifndef CKM_SHA512_256
#define CKM_SHA512_256 0x0000004cUL
#endif
#ifndef CKM_SHA3_224
#define CKM_SHA3_224 0x000002b5UL
#endif
#ifndef CKM_SHA3_256
#define CKM_SHA3_256 0x000002b0UL
#endif
#ifndef CKM_SHA3_384
#define CKM_SHA3_384 0x000002c0UL
#endif
#ifndef CKM_SHA3_512
#define CKM_SHA3_512 0x000002d0UL
#endif
#ifndef CKM_SHA_1_HMAC
#define CKM_SHA_1_HMAC 0x00000221UL
#endif
#ifndef CKM_SHA224_HMAC
#define CKM_SHA224_HMAC 0x00000256UL
#endif
#ifndef CKM_SHA256_HMAC
#define CKM_SHA256_HMAC 0x00000251UL
#endif
#ifndef CKM_SHA384_HMAC
#define CKM_SHA384_HMAC 0x00000261UL
#endif
#ifndef CKM_SHA512_HMAC
#define CKM_SHA512_HMAC 0x00000271UL
#endif
#ifndef CKM_SHA512_224_HMAC
#define CKM_SHA512_224_HMAC 0x00000049UL
#endif
#ifndef CKM_SHA512_256_HMAC
#define CKM_SHA512_256_HMAC 0x0000004dUL
#endif
#ifndef CKM_SHA3_224_HMAC
#define CKM_SHA3_224_HMAC 0x000002b6UL
#endif
#ifndef CKM_SHA3_256_HMAC
#define CKM_SHA3_256_HMAC 0x000002b1UL
#endif
#ifndef CKM_SHA3_384_HMAC
#define CKM_SHA3_384_HMAC 0x000002c1UL
#endif
#ifndef CKM_SHA3_512_HMAC
#define CKM_SHA3_512_HMAC 0x000002d1UL
#endif
#ifndef CKM_SHA_1_HMAC_GENERAL
#define CKM_SHA_1_HMAC_GENERAL 0x00000222UL
#endif
#ifndef CKM_SHA224_HMAC_GENERAL
#define CKM_SHA224_HMAC_GENERAL 0x00000257UL
#endif
#ifndef CKM_SHA256_HMAC_GENERAL
#define CKM_SHA256_HMAC_GENERAL 0x00000252UL
#endif
#ifndef CKM_SHA384_HMAC_GENERAL
#define CKM_SHA384_HMAC_GENERAL 0x00000262UL
#endif
#ifndef CKM_SHA512_HMAC_GENERAL
#define CKM_SHA512_HMAC_GENERAL 0x00000272UL
#endif
#ifndef CKM_SHA512_224_HMAC_GENERAL
#define CKM_SHA512_224_HMAC_GENERAL 0x0000004aUL
#endif
#ifndef CKM_SHA512_256_HMAC_GENERAL
#define CKM_SHA512_256_HMAC_GENERAL 0x0000004eUL
#endif
#ifndef CKM_SHA3_224_HMAC_GENERAL
#define CKM_SHA3_224_HMAC_GENERAL 0x000002b7UL
#endif
#ifndef CKM_SHA3_256_HMAC_GENERAL
#define CKM_SHA3_256_HMAC_GENERAL 0x000002b2UL
#endif
#ifndef CKM_SHA3_384_HMAC_GENERAL
#define CKM_SHA3_384_HMAC_GENERAL 0x000002c2UL
#endif
#ifndef CKM_SHA3_512_HMAC_GENERAL
#define CKM_SHA3_512_HMAC_GENERAL 0x000002d2UL
#endif
#ifndef CKM_RSA_PKCS_KEY_PAIR_GEN
#define CKM_RSA_PKCS_KEY_PAIR_GEN 0x00000000UL
#endif
#ifndef CKM_RSA_PKCS
#define CKM_RSA_PKCS 0x00000001UL
#endif
#ifndef CKM_SHA1_RSA_PKCS
#define CKM_SHA1_RSA_PKCS 0x00000006UL
#endif
#ifndef CKM_SHA224_RSA_PKCS
#define CKM_SHA224_RSA_PKCS 0x00000046UL
#endif
#ifndef CKM_SHA256_RSA_PKCS
#define CKM_SHA256_RSA_PKCS 0x00000040UL
#endif
#ifndef CKM_SHA384_RSA_PKCS
#define CKM_SHA384_RSA_PKCS 0x00000041UL
#endif
#ifndef CKM_SHA512_RSA_PKCS
#define CKM_SHA512_RSA_PKCS 0x00000042UL
#endif
#ifndef CKM_SHA3_224_RSA_PKCS
#define CKM_SHA3_224_RSA_PKCS 0x00000066UL
#endif
#ifndef CKM_SHA3_256_RSA_PKCS
#define CKM_SHA3_256_RSA_PKCS 0x00000060UL
#endif
#ifndef CKM_SHA3_384_RSA_PKCS
#define CKM_SHA3_384_RSA_PKCS 0x00000061UL
#endif
#ifndef CKM_SHA3_512_RSA_PKCS
#define CKM_SHA3_512_RSA_PKCS 0x00000062UL
#endif
#ifndef CKM_RSA_PKCS_PSS
#define CKM_RSA_PKCS_PSS 0x0000000dUL
#endif
#ifndef CKM_SHA1_RSA_PKCS_PSS
#define CKM_SHA1_RSA_PKCS_PSS 0x0000000eUL
#endif
#ifndef CKM_SHA224_RSA_PKCS_PSS
#define CKM_SHA224_RSA_PKCS_PSS 0x00000047UL
#endif
#ifndef CKM_SHA256_RSA_PKCS_PSS
#define CKM_SHA256_RSA_PKCS_PSS 0x00000043UL
#endif
#ifndef CKM_SHA384_RSA_PKCS_PSS
#define CKM_SHA384_RSA_PKCS_PSS 0x00000044UL
#endif
#ifndef CKM_SHA512_RSA_PKCS_PSS
#define CKM_SHA512_RSA_PKCS_PSS 0x00000045UL
#endif
#ifndef CKM_SHA3_224_RSA_PKCS_PSS
#define CKM_SHA3_224_RSA_PKCS_PSS 0x00000067UL
#endif
#ifndef CKM_SHA3_256_RSA_PKCS_PSS
#define CKM_SHA3_256_RSA_PKCS_PSS 0x00000063UL
#endif
#ifndef CKM_SHA3_384_RSA_PKCS_PSS
#define CKM_SHA3_384_RSA_PKCS_PSS 0x00000064UL
#endif
#ifndef CKM_SHA3_512_RSA_PKCS_PSS
#define CKM_SHA3_512_RSA_PKCS_PSS 0x00000065UL
#endif
#ifndef CKM_EC_KEY_PAIR_GEN
#define CKM_EC_KEY_PAIR_GEN 0x00001040UL
#endif
#ifndef CKM_ECDSA
#define CKM_ECDSA 0x00001041UL
#endif
#ifndef CKM_ECDSA_SHA1
#define CKM_ECDSA_SHA1 0x00001042UL
#endif
#ifndef CKM_ECDSA_SHA224
#define CKM_ECDSA_SHA224 0x00001043UL
#endif
#ifndef CKM_ECDSA_SHA256
#define CKM_ECDSA_SHA256 0x00001044UL
#endif
#ifndef CKM_ECDSA_SHA384
#define CKM_ECDSA_SHA384 0x00001045UL
#endif
#ifndef CKM_ECDSA_SHA512
#define CKM_ECDSA_SHA512 0x00001046UL
#endif
#ifndef CKM_ECDSA_SHA3_224
#define CKM_ECDSA_SHA3_224 0x00001047UL
#endif
#ifndef CKM_ECDSA_SHA3_256
#define CKM_ECDSA_SHA3_256 0x00001048UL
#endif
#ifndef CKM_ECDSA_SHA3_384
#define CKM_ECDSA_SHA3_384 0x00001049UL
#endif
#ifndef CKM_ECDSA_SHA3_512
#define CKM_ECDSA_SHA3_512 0x0000104aUL
#endif
/* mechanisms: end */

/* Profile "cloudhsm" (VHSM_PROFILE=cloudhsm): the vendor-defined mechanisms of AWS CloudHSM's library. */

/* AES-GCM that puts the IV, which the HSM makes, before the ciphertext: CK_GCM_PARAMS with pIv null. */
#define CKM_CLOUDHSM_AES_GCM 0x80001087UL
/* RFC 3394; RFC 3394 over PKCS #5 padding; RFC 5649. */
#define CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD 0x80002109UL
#define CKM_CLOUDHSM_AES_KEY_WRAP_PKCS5_PAD 0x8000210aUL
#define CKM_CLOUDHSM_AES_KEY_WRAP_ZERO_PAD 0x8000216fUL
/* NIST SP 800-108 in counter mode: CK_CLOUDHSM_SP800_108_KDF_PARAMS. */
#define CKM_CLOUDHSM_SP800_108_COUNTER_KDF 0x80000001UL

/* Derivation functions for CKM_ECDH1_DERIVE there. */
#define CKD_CLOUDHSM_X963_SHA1_KDF 0x80000002UL
#define CKD_CLOUDHSM_X963_SHA224_KDF 0x80000005UL
#define CKD_CLOUDHSM_X963_SHA256_KDF 0x80000006UL
#define CKD_CLOUDHSM_X963_SHA384_KDF 0x80000007UL
#define CKD_CLOUDHSM_X963_SHA512_KDF 0x80000008UL

/* The parameters of CKM_CLOUDHSM_SP800_108_COUNTER_KDF. PKCS#11 3.0 has structures of the same purpose, other fields
 * and other numbers: hence these names. */

/* With these types, the input of the pseudo-random function is the data in the order in which they are given. */
#define CLOUDHSM_SP800_108_ITERATION_VARIABLE 1UL
#define CLOUDHSM_SP800_108_DKM_LENGTH 2UL
#define CLOUDHSM_SP800_108_BYTE_ARRAY 3UL
/* With these, it is: counter, label, a zero byte, context, length of the key. */
#define CLOUDHSM_SP800_108_OLD_COUNTER_FORMAT 4UL
#define CLOUDHSM_SP800_108_OLD_PRF_LABEL 5UL
#define CLOUDHSM_SP800_108_OLD_PRF_CONTEXT 6UL
#define CLOUDHSM_SP800_108_OLD_DKM_FORMAT 7UL
#define CLOUDHSM_SP800_108_OLD_BYTE_ARRAY 8UL

#define CLOUDHSM_SP800_108_DKM_LENGTH_SUM_OF_KEYS 1UL
#define CLOUDHSM_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS 2UL

/* The value of CLOUDHSM_SP800_108_ITERATION_VARIABLE: the counter's width, 16 or 32 bits. */
typedef struct CK_CLOUDHSM_SP800_108_COUNTER_FORMAT {
    unsigned long ulWidthInBits;
} CK_CLOUDHSM_SP800_108_COUNTER_FORMAT;

/* The value of CLOUDHSM_SP800_108_DKM_LENGTH: the width of the length, 8, 16, 32 or 64 bits. */
typedef struct CK_CLOUDHSM_SP800_108_DKM_LENGTH_FORMAT {
    unsigned long dkmLengthMethod;
    unsigned long ulWidthInBits;
} CK_CLOUDHSM_SP800_108_DKM_LENGTH_FORMAT;

typedef struct CK_CLOUDHSM_PRF_DATA_PARAM {
    unsigned long type;
    void *pValue;
    unsigned long ulValueLen;
} CK_CLOUDHSM_PRF_DATA_PARAM;

/* prftype: CKM_SHA_1_HMAC to CKM_SHA512_HMAC, or CKM_AES_CMAC. */
typedef struct CK_CLOUDHSM_SP800_108_KDF_PARAMS {
    unsigned long prftype;
    unsigned long ulNumberOfDataParams;
    CK_CLOUDHSM_PRF_DATA_PARAM *pDataParams;
} CK_CLOUDHSM_SP800_108_KDF_PARAMS;

#endif /* VHSM_H */
