// SPDX-License-Identifier: Apache-2.0
/// Identities made for tests and used nowhere else: an operator with an account with a user, as JWTs that never expire,
/// and a second user's key that no server knows. The seeds of the operator and the account were thrown away.
#pragma once

#include <string_view>

namespace weft::bus::test_identity {

/// For `operator` of a server's configuration.
inline constexpr std::string_view kOperatorJwt =
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJqdGkiOiJNU0RRNDNBWVdFSjZDWFBIQjVKSkE3RjRIUFpOVTVHS"
    "zVLV1ZWV0VBMlZMQVBRM001NkdBIiwiaWF0IjoxNzAwMDAwMDAwLCJpc3MiOiJPQlJTWElVUUE2VzRWT1BHVFpPNllPRzRSNUlOW"
    "TM1U0RJTE9ZUFRHSExLU0dGN1JKVUpVNlcySyIsIm5hbWUiOiJ3ZWZ0LXRlc3Qtb3BlcmF0b3IiLCJzdWIiOiJPQlJTWElVUUE2V"
    "zRWT1BHVFpPNllPRzRSNUlOWTM1U0RJTE9ZUFRHSExLU0dGN1JKVUpVNlcySyIsIm5hdHMiOnsidHlwZSI6Im9wZXJhdG9yIiwid"
    "mVyc2lvbiI6Mn19.kiw_WRETqyDZyOdbFgh81Zqneig4xdxoqXHe9iAmk5QaxXQ34Mf6ZTXH71_A6ST0M1Pp5S7qVz-"
    "BC7mUhdzyBA";
/// The account's public key, for `resolver_preload`.
inline constexpr std::string_view kAccount = "ABRDTS6BMAVJ254EM2732QZ7AEBY3OZ56AVILNXF5IZ4ZGW4RKB4N3SK";
/// Its JWT.
inline constexpr std::string_view kAccountJwt =
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJqdGkiOiJDNlIzQ0RGQzI1UTVHUE1OTlVCNVFNS09BNDNXTUVUR"
    "E1HN0s1M0dHNUpRQVNIQUpET0ZBIiwiaWF0IjoxNzAwMDAwMDAwLCJpc3MiOiJPQlJTWElVUUE2VzRWT1BHVFpPNllPRzRSNUlOW"
    "TM1U0RJTE9ZUFRHSExLU0dGN1JKVUpVNlcySyIsIm5hbWUiOiJ3ZWZ0LXRlc3QtYWNjb3VudCIsInN1YiI6IkFCUkRUUzZCTUFWS"
    "jI1NEVNMjczMlFaN0FFQlkzT1o1NkFWSUxOWEY1SVo0WkdXNFJLQjROM1NLIiwibmF0cyI6eyJsaW1pdHMiOnsic3VicyI6LTEsI"
    "mRhdGEiOi0xLCJwYXlsb2FkIjotMSwiaW1wb3J0cyI6LTEsImV4cG9ydHMiOi0xLCJ3aWxkY2FyZHMiOnRydWUsImNvbm4iOi0xL"
    "CJsZWFmIjotMX0sImRlZmF1bHRfcGVybWlzc2lvbnMiOnsicHViIjp7fSwic3ViIjp7fX0sInR5cGUiOiJhY2NvdW50IiwidmVyc"
    "2lvbiI6Mn19.IT-0VD7ZlcT3VOJEbLiKFOgDdm4CC3QiUQUaJhM-oxh9FWqqbyuozJfpy1S_TdmOEhtGC3NhfM_9LkWMLG1eBA";
/// The user's JWT, and the seed that belongs to it.
inline constexpr std::string_view kUserJwt =
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJqdGkiOiIzU05ZVUZGR0paUVFZN0RCQk1NWTdBR1daT0FOSEdWQ"
    "kRYSkhWNTJER05WU1NWVUhKVVJBIiwiaWF0IjoxNzAwMDAwMDAwLCJpc3MiOiJBQlJEVFM2Qk1BVkoyNTRFTTI3MzJRWjdBRUJZM"
    "09aNTZBVklMTlhGNUlaNFpHVzRSS0I0TjNTSyIsIm5hbWUiOiJ3ZWZ0LXRlc3QtdXNlciIsInN1YiI6IlVDV0EyUlY3M0RTTlRDR"
    "01SQUpWVEpSTlVUVFpFRFZYWDNMV0s0TVBCWVZWREZGNjJaQUo1WUIyIiwibmF0cyI6eyJwdWIiOnt9LCJzdWIiOnt9LCJzdWJzI"
    "jotMSwiZGF0YSI6LTEsInBheWxvYWQiOi0xLCJ0eXBlIjoidXNlciIsInZlcnNpb24iOjJ9fQ.ieDjIxYujJAovrD9fVX5QQKMie"
    "2Jaj3K7Wrhe3cCQMZGEtjCyA0_0rPwNtT3cDS0aFrs02iwSCp3m8HCJO09BA";
inline constexpr std::string_view kUserSeed = "SUAMOTY76LOQF22EIWWYMH6ZFPLZ6M5CG3YB2BSFYUQAREIYFJT647V2NE";
/// The same user as a plain nkey.
inline constexpr std::string_view kUserKey = "UCWA2RV73DSNTCGMRAJVTJRNUTTZEDVXX3LWK4MPBYVVDFF62ZAJ5YB2";
/// A key that is in no JWT.
inline constexpr std::string_view kOtherSeed = "SUAL5FJEKNJGAUUR7ERJXLRYVX3WJXIDQGVP62MLGPBZ32YFRFEQ5EDAGI";
inline constexpr std::string_view kOtherKey = "UAWJTFWSJ3TQI5FMSE3AIMLDHTICZ6BHKLGU5CKSVOBDM2TA72NHLMG6";

}  // namespace weft::bus::test_identity
