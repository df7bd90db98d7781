// A unit of BoringSSL: its cryptography, by itself one unit. See meson.build.
#include "crypto/fipsmodule/bcm.cc"
