//! A scriptable SIP phone: offhook dial, the load generator, the tests' callers.
