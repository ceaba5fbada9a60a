/** A certificate of its own issuer for `internal.acme.example`, made for the tests; nobody trusts it but who imports it. */
export const serverName = 'internal.acme.example';
export const certificate = `-----BEGIN CERTIFICATE-----
MIIB1zCCAX2gAwIBAgIUc3bzbRkP74MXj6/pmHyWippiWiEwCgYIKoZIzj0EAwIw
LzEeMBwGA1UEAwwVaW50ZXJuYWwuYWNtZS5leGFtcGxlMQ0wCwYDVQQKDARUZXN0
MCAXDTI2MTEyNzExNTczNloYDzIxMjYxMTAzMTE1NzM2WjAvMR4wHAYDVQQDDBVp
bnRlcm5hbC5hY21lLmV4YW1wbGUxDTALBgNVBAoMBFRlc3QwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAATvgJ3c3/Yf43Vfgwdlln7TeMtlwyUDx/2metdYSY3GHBI3
QzQ8lsFB76aW30xzbEoq7htDJvXZgi3MMBpNkZeNo3UwczAdBgNVHQ4EFgQUttLE
0uV2GVMTob8ZFqyj7Ry817cwHwYDVR0jBBgwFoAUttLE0uV2GVMTob8ZFqyj7Ry8
17cwDwYDVR0TAQH/BAUwAwEB/zAgBgNVHREEGTAXghVpbnRlcm5hbC5hY21lLmV4
YW1wbGUwCgYIKoZIzj0EAwIDSAAwRQIhAPkmcpeuSKPN5Hud3HJpPOSTi/wrZCKE
IZ9J1O/ME43XAiBNO2Fl/kn05lWRTVZMrG1UqSivjVKXF8U8UXsj3xkvZw==
-----END CERTIFICATE-----
`;
export const privateKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgKNXCa9awCFzifciB
gUgJFjVIARJlCstQu2cwhIljB5ihRANCAATvgJ3c3/Yf43Vfgwdlln7TeMtlwyUD
x/2metdYSY3GHBI3QzQ8lsFB76aW30xzbEoq7htDJvXZgi3MMBpNkZeN
-----END PRIVATE KEY-----
`;
