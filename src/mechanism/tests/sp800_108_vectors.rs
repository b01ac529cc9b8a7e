//! Known answers of NIST's CAVS 12.0 and 14.4 for SP 800-108 (KDFCTR_gen.rsp, KDFFeedback_gen.rsp,
//! KDFDblPipeline_gen.rsp), some of each mode.

use cryptoki_sys::*;

/// A piece of what the pseudo-random function is given.
pub enum Piece {
    /// The counter, in counter mode; else what the last step gave.
    Iteration,
    Counter,
    Fixed(&'static str),
}
use Piece::{Counter, Fixed, Iteration};

pub struct Vector {
    pub mechanism: CK_MECHANISM_TYPE,
    pub prf: CK_MECHANISM_TYPE,
    pub counter_bits: u64,
    pub key: &'static str,
    pub iv: &'static str,
    pub pieces: &'static [Piece],
    pub output: &'static str,
}

#[rustfmt::skip]
pub const VECTORS: &[Vector] = &[
    Vector {
        mechanism: CKM_SP800_108_COUNTER_KDF, prf: CKM_AES_CMAC, counter_bits: 8,
        key: "dff1e50ac0b69dc40f1051d46c2b069c",
        iv: "",
        pieces: &[
            Iteration,
            Fixed("c16e6e02c5a3dcc8d78b9ac1306877761310455b4e41469951d9e6c2245a064b33fd8c3b01203a78\
               24485bf0a64060c4648b707d2607935699316ea5"),
        ],
        output: "8be8f0869b3c0ba97b71863d1b9f7813",
    },
    Vector {
        mechanism: CKM_SP800_108_COUNTER_KDF, prf: CKM_AES_CMAC, counter_bits: 16,
        key: "ce7ec625c6dcd1ff21ec48ed35ff70fc0f69946107e6583849f711a725ba1684",
        iv: "",
        pieces: &[
            Fixed("14e20e83dbe001af8ab304d0cf14dba30caa751271b976a927b3c8544e24ad0a98e6604eddd9fda2\
               bf2a9ba81ec507f942f5"),
            Iteration,
            Fixed("43a412a8be794adb0f2e"),
        ],
        output: "e2c310966e6cf312eff7ab44deddb9dc",
    },
    Vector {
        mechanism: CKM_SP800_108_COUNTER_KDF, prf: CKM_SHA_1_HMAC, counter_bits: 24,
        key: "af9b01a7b62880584dc30904fc4ee34af814bda4",
        iv: "",
        pieces: &[
            Fixed("61715afc4a0ff01c136f97f0768edc621a710da6abb127340ea92f558751117e31ea444f39abe0ba\
               267a4a4039e67ef39e6823fd830db17c04d69cb0"),
            Iteration,
        ],
        output: "33336e8a1f75ec8116832776d9bad9aa",
    },
    Vector {
        mechanism: CKM_SP800_108_COUNTER_KDF, prf: CKM_SHA256_HMAC, counter_bits: 8,
        key: "3edc6b5b8f7aadbd713732b482b8f979286e1ea3b8f8f99c30c884cfe3349b83",
        iv: "",
        pieces: &[
            Iteration,
            Fixed("98e9988bb4cc8b34d7922e1c68ad692ba2a1d9ae15149571675f17a77ad49e80c8d2a85e831a2644\
               5b1f0ff44d7084a17206b4896c8112daad18605a"),
        ],
        output: "6c037652990674a07844732d0ad985f9",
    },
    Vector {
        mechanism: CKM_SP800_108_COUNTER_KDF, prf: CKM_SHA384_HMAC, counter_bits: 32,
        key: "a10ac250392ceb07d65336c1a38f17a66528bfc7393c4dbd61c36fee0c0d2fa5a23b7fbf625744a6\
              3eaad6dc0a0919ff",
        iv: "",
        pieces: &[
            Fixed("556b80e63ba32b5bb09fc7d5f81e823b12beed358487a6bb3f0bc782f29cc0aa216b23f3be29eabc\
               5a9e78b82983d4a403c6"),
            Iteration,
            Fixed("89097f2b721da6ed2d50"),
        ],
        output: "ddecebfba61d39559e8277728d4680f040429ca6cce48ebf41d2b7204fa53653",
    },
    Vector {
        mechanism: CKM_SP800_108_COUNTER_KDF, prf: CKM_SHA512_HMAC, counter_bits: 16,
        key: "49e86aebeabfd13c72683a405fa325c5cd913cad6009bd8cabd431cac9299695b7c7e29967da7e22\
              135c77e1b4003bee44f8ad4d929d48dff7bf51ea08ebacd8",
        iv: "",
        pieces: &[
            Fixed("0b0e56bcba557de363d5d1f998e500a486fac720b2ae65d736d42ad6d5cf1da06cad522c83e445fa\
               c71bb68920cbfd63fdc739ad76918f146202dcc2"),
            Iteration,
        ],
        output: "710e1c7dcf08c4a0c48baf009fc2d283d1e596cb",
    },
    Vector {
        mechanism: CKM_SP800_108_FEEDBACK_KDF, prf: CKM_AES_CMAC, counter_bits: 0,
        key: "5c996c922f65de97d4408373229814c6",
        iv: "28dc945cb8337ab5336c3e9b5bad21c7",
        pieces: &[
            Iteration,
            Fixed("62afe5fed91e797221a854336b0aadd8a05ad0e3c8345729897b2efcec5a1178a2fa4c063007b67a\
               7015e0d6b7271ea8d86b44"),
        ],
        output: "88a9aae193abdd3fe8143bab66014ae41dc2d12ea9d08f5871588fc5d827924eb9942989d7a36d4b\
                 3b107997566472cad5942bd13cb5cff32b9dae30f1bb6300",
    },
    Vector {
        mechanism: CKM_SP800_108_FEEDBACK_KDF, prf: CKM_SHA256_HMAC, counter_bits: 0,
        key: "1505f4a0902c59feed020c34a34f59ce21091e8cce43a2b69be5324b15e2cb86",
        iv: "",
        pieces: &[
            Iteration,
            Fixed("9c369f208367a3d5ae27ef50939cb582da0e44ccf2786fa0f0ed050f4951b8ba723ed62d4ca914d1\
               3a3808dd940f71dee823d9"),
        ],
        output: "5b9537a0889bf60891e20e3e078541de238526026df804172995968ba82298c9ce159d1156e90536\
                 f24e2743f6b8e91a1a0ae8c0b553246f4848e2525a4c1d19",
    },
    Vector {
        mechanism: CKM_SP800_108_FEEDBACK_KDF, prf: CKM_AES_CMAC, counter_bits: 8,
        key: "b7104865506b0c6f3f70b5ede0ff47d7d8cec1e1c3feacaf",
        iv: "0ba9751a41d79777cf8442b15be43797",
        pieces: &[
            Counter,
            Iteration,
            Fixed("15c8f80131774feb04de5f0479945ba8ea1f0709343a960d13a2ff4cc2786c542d0daab9b0742eb2\
               36dc8b9673dc3119741b32"),
        ],
        output: "ccc90c8611986591a78d4c472dd0cf62c353af026414a007b4f0032ec448cb42631ff325cfc30bdf\
                 ae007cfc9ce68318a90aa2b3e4f519147b44b5e06571d81d",
    },
    Vector {
        mechanism: CKM_SP800_108_FEEDBACK_KDF, prf: CKM_SHA_1_HMAC, counter_bits: 16,
        key: "a14f23a12da93814e074a704a8186737480b41fe",
        iv: "9123dd0f2f0e3dcb8e733111a65af8ff55d0aa29",
        pieces: &[
            Iteration,
            Counter,
            Fixed("23bf1222ba374f344392175ddac2080652c082ddab2e02e67b03bc4c1fc000c82b561e1fc58906b4\
               2bc22276a8349b84022fc9"),
        ],
        output: "c28379e303d0eff2b4366270f2f6b638bb0e7b5636cb2049534c2b6e5337b10eca7d4a7aeef7e17b\
                 f7e01db0539a182dfb7f9d1de85b27cf845298c63d0135d1",
    },
    Vector {
        mechanism: CKM_SP800_108_FEEDBACK_KDF, prf: CKM_SHA224_HMAC, counter_bits: 24,
        key: "8a15747cadf720ccbd70c0e264cebf435ef05809a13e3da7907d65c2",
        iv: "6858399e6cbe62c4022618c96b52c4a7355dfd2c044209c4d8db6f1b",
        pieces: &[
            Iteration,
            Fixed("27bdff89873d0cd334d33e402a9e53bceb6f343049d6e2dc4d980df62d236444973ba212627c0145\
               34d3ed072c3c95b071302e"),
            Counter,
        ],
        output: "f27ff0e809fa16c400a9973a2d6bc881fdf23c096d809c2e790420df77c3d52a33f503962b1e7ad0\
                 ddcce93d45706432ce020f15f538723072131b540692c9d2",
    },
    Vector {
        mechanism: CKM_SP800_108_FEEDBACK_KDF, prf: CKM_SHA512_HMAC, counter_bits: 32,
        key: "fbcf9b7b735b8676cc10691c7601563ec7f4b01914f6f46dfb32c1d4086c32dd6e02bc0883c655cc\
              89a89f66e2fafcb7c591a792831d75c2440107f86549a2f0",
        iv: "6f68674090a820be3606272a36120e11de557ab794ad3e6f5d9b8c1b892cc29fc96a9ccaf3f5e3f1\
             ca0fe8bd5df33e89a79b31dc04a6c73c2575dfd527c1b046",
        pieces: &[
            Iteration,
            Fixed("44dacf2b3dc504f7ae55eee260646461f2a88c5f36dcd8393e3c3f79ce401315d7d66c7f01745766\
               79db1aba3bf57cd742d0d1"),
            Counter,
        ],
        output: "6d257eebfaa69b6e1d5fd7c360ea9e3d85a4f84c0d62713a0df1d0ff015956f2c3c8f8219e820f09\
                 360b0d267001787bdcc9264603338b032598d4afbe514bf3",
    },
    Vector {
        mechanism: CKM_SP800_108_DOUBLE_PIPELINE_KDF, prf: CKM_AES_CMAC, counter_bits: 0,
        key: "ada2452f1f141a82c7a1b7d3e09ffed1",
        iv: "",
        pieces: &[
            Iteration,
            Fixed("335660eb265d2044efa06eacd848d3f9f57d219011343318f3a964df4a6fb1bf6cbdee711c7fcbe7\
               3b8f257f992e47e8b065af"),
        ],
        output: "a73bd29176e38e761222ae07d639181f4b2c555a3b261815cde5d88a67c8b95c58b6b66ea4f10608\
                 c6d799b051519fc8e89de00cdc556350a7d966475086f9af",
    },
    Vector {
        mechanism: CKM_SP800_108_DOUBLE_PIPELINE_KDF, prf: CKM_SHA256_HMAC, counter_bits: 0,
        key: "6630363fd129e02b5c13c4cc0b020fa3f3544827b30b6c952602bb8a47f37964",
        iv: "",
        pieces: &[
            Iteration,
            Fixed("8e195170f2092abf762785aeeb766ca64dab33ee85fbd43c3abbffeb40cf39d8da16f2aee3465e43\
               590a2aa64743922e102e0b"),
        ],
        output: "22bfad3012f511ae5fd30c41192fee914462d59055ac3c2cce0c19442b4b57196202fb8cab871f99\
                 d9ccadc75b11f2e91855191834f8b36e95e266d401d9f2fd82af597e53a5170423ef1eb8c6ebd41c\
                 18daf0166fdc63ad8837d905b1b69fa6eec3f1cc7b745f9ca97a94863be0b45f4bd4aac8267bf5f0\
                 1adb80c1ad6e08e5",
    },
    Vector {
        mechanism: CKM_SP800_108_DOUBLE_PIPELINE_KDF, prf: CKM_AES_CMAC, counter_bits: 8,
        key: "8bf2d9999ffe5b39aec6e5ba1aeea35b7f4fb123b49071fc2a76a333f1b2aee8",
        iv: "",
        pieces: &[
            Counter,
            Iteration,
            Fixed("02ba5d21b1d9a34fedb91f69e3956785c16e488071368bf3b6fc7c16589e2a437ac680db4c7bec19\
               791c961147ad29418804e2"),
        ],
        output: "19c4e12fef173a79c51daea0a4db159f29ff31485ed20ca9e9a96ba8635a4c0fb1fd08b2e020c5ae\
                 eb468a7badcafda55d11eadc96f63481622f49e0f4fa81bf",
    },
    Vector {
        mechanism: CKM_SP800_108_DOUBLE_PIPELINE_KDF, prf: CKM_SHA_1_HMAC, counter_bits: 16,
        key: "5e67a223b4af1f38d88005eac36830f850e86e82",
        iv: "",
        pieces: &[
            Iteration,
            Counter,
            Fixed("050278fce7df397ab1bc9e9db0667637f22e47014913e8cec3907c2b01a0a22247a23cff9f068a7a\
               e285ebc5d3a6882081ad34"),
        ],
        output: "bd7b4318ca062b4110a7a011f7c47c736089db635197f64246c8117b14d9cbd5944bd95d881c050e\
                 f5960bce47be50d7ee295fb6f0c358049e887e2bed21a865",
    },
    Vector {
        mechanism: CKM_SP800_108_DOUBLE_PIPELINE_KDF, prf: CKM_SHA384_HMAC, counter_bits: 24,
        key: "f244775c42e206886d0b45eeb293333c9555dbb1bfca4676af19615f505e06b3b79d189cab89b189\
              5cbac01d1b868375",
        iv: "",
        pieces: &[
            Iteration,
            Fixed("46caf9d10c413161e84ef03190a3df555bd83f32798fcad33fb802ac724e885cd7d8994706da72ca\
               54f59b2f7b3a68123cd4cb"),
            Counter,
        ],
        output: "1aa2e8485b4dd996d4ada32f0f429afdc69ae167655b492703bc7810e43271693562e4c9c21f55e5\
                 7a8502e1206a6365a2cee3eafdb51b68ff8c93106f4c8971",
    },
    Vector {
        mechanism: CKM_SP800_108_DOUBLE_PIPELINE_KDF, prf: CKM_SHA512_HMAC, counter_bits: 32,
        key: "7c4b423dd4ec87435d9594fde21de5438775e6f4dae7458601b04ec3a41ca3925dfbceb052b44509\
              508df54a524a40aa3f10091cbf72a0ad02f18a15d223a503",
        iv: "",
        pieces: &[
            Iteration,
            Fixed("021ef61a21b174242a5a3434c5678c9a6f808364234a2e5d77e006d630a6c61de2dfbf788ec8a1b6\
               781e54dd72716d19fe9fcd"),
            Counter,
        ],
        output: "c67b1b7d6fbfd8f1ad0f4e523efaa5b768118891265797d2f3e2d8809a4f2dfd8b38e9a71d08aacc\
                 4d6df8c068fec29532771314a4c47b8496b01b5ceb87e96d",
    },
];
