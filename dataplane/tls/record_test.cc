// Record-level misbehaviour that no well-behaved TLS library produces: a hand-made peer before a Session.
#include "dataplane/tls/record.h"

#include <gtest/gtest.h>

#include "dataplane/tls/test_pair.h"

namespace weft::tls {
namespace {

using crypto::TlsFailure;
using State = Session::State;

// A client that shakes hands properly and then sends what the test wants.
struct RawPeer {
  Pair pair;
  crypto::Handshake handshake;
  std::unique_ptr<Session> session;
  std::unique_ptr<RecordSealer> sealer;
  std::unique_ptr<RecordOpener> opener;

  explicit RawPeer(crypto::Handshake::Role role = crypto::Handshake::Role::kClient)
      : handshake(role, pair.client_credentials, {}, pair.now) {
    const bool client = role == crypto::Handshake::Role::kClient;
    session = client ? Session::server(pair.server_credentials, {}, pair.context, pair.now)
                     : Session::client(pair.server_credentials, {}, pair.context, pair.now);
    if (client) handshake.advance({});
    for (int i = 0; i < 4; ++i) {
      session->on_ciphertext(ByteChain::copy_of(handshake.take_output(), pair.pool));
      pair.pump(*session);
      if (handshake.state() == crypto::Handshake::State::kDone) break;
      feed(text_of(session->take_ciphertext()));
    }
    EXPECT_EQ(session->state(), State::kOpen) << session->error();
    sealer = std::make_unique<RecordSealer>(handshake.outcome().sending);
    opener = std::make_unique<RecordOpener>(handshake.outcome().receiving);
    opener->push(session->take_ciphertext());
  }
  void feed(const std::string& bytes) {
    const std::size_t consumed = handshake.advance(as_bytes(bytes));
    EXPECT_EQ(consumed, bytes.size());
  }
  void send(ContentType type, std::string_view message) {
    ByteChain out;
    ASSERT_TRUE(sealer->seal(pair.context, type, as_bytes(message), &out));
    session->on_ciphertext(std::move(out));
  }
  void send_bytes(std::string_view bytes) { session->on_ciphertext(pair.bytes(bytes)); }
  // The alert that the session answered with.
  int alert() {
    opener->push(session->take_ciphertext());
    OpenedRecord record;
    for (;;) {
      const auto opened = opener->next(pair.context, &record);
      if (!opened || !*opened) return -1;
      if (record.type == ContentType::kAlert) return text_of(record.content)[1];
    }
  }
};

using std::string_literals::operator""s;

TEST(Record, UnprotectedRecordsAreRefused) {
  for (const auto& bytes :
       {"\x14\x03\x03\x00\x01\x01"s, "\x15\x03\x03\x00\x02\x02\x28"s, "\x16\x03\x03\x00\x01\x01"s}) {
    RawPeer peer;
    peer.send_bytes(bytes);
    EXPECT_EQ(peer.session->failure(), TlsFailure::kUnexpectedMessage);
    EXPECT_EQ(peer.alert(), 10);
  }
  RawPeer peer;
  peer.send_bytes("GET / HTTP/1.1\r\n");
  EXPECT_EQ(peer.session->failure(), TlsFailure::kMalformedRecord);
}

TEST(Record, OverlongRecordsAreRefusedByTheirHeader) {
  RawPeer peer;
  peer.send_bytes("\x17\x03\x03\x41\x01"s);  // 16641 = 2^14 + 257
  EXPECT_EQ(peer.session->failure(), TlsFailure::kRecordOverflow);
  EXPECT_EQ(peer.alert(), 22);
}

TEST(Record, TooShortToHoldATag) {
  RawPeer peer;
  peer.send_bytes("\x17\x03\x03\x00\x05xxxxx"s);
  EXPECT_EQ(peer.session->failure(), TlsFailure::kBadRecordMac);
}

TEST(Record, ATicketIsPassedOverByAClientOnly) {
  const std::string ticket = "\x04\x00\x00\x10"s + std::string(16, 't');
  RawPeer client;
  client.send(ContentType::kHandshake, ticket);
  EXPECT_EQ(client.session->failure(), TlsFailure::kUnexpectedMessage);
  RawPeer server(crypto::Handshake::Role::kServer);
  server.send(ContentType::kHandshake, ticket.substr(0, 9));  // in two records
  server.send(ContentType::kHandshake, ticket.substr(9) + ticket);
  server.send(ContentType::kApplicationData, "data");
  EXPECT_EQ(text_of(server.session->take_plaintext()), "data") << server.session->error();
}

TEST(Record, NothingMayStandInsideAHandshakeMessage) {
  RawPeer server(crypto::Handshake::Role::kServer);
  server.send(ContentType::kHandshake, "\x04\x00\x00\x10"s);
  server.send(ContentType::kApplicationData, "data");
  EXPECT_EQ(server.session->failure(), TlsFailure::kUnexpectedMessage);
}

TEST(Record, KeyUpdateIsAnsweredWithNewKeys) {
  RawPeer peer;
  peer.send(ContentType::kHandshake, "\x18\x00\x00\x01\x01"s);
  peer.sealer->traffic().update(peer.pair.keys);
  peer.send(ContentType::kApplicationData, "under the second key");
  EXPECT_EQ(text_of(peer.session->take_plaintext()), "under the second key");
  peer.session->seal(peer.pair.bytes("answer"));
  peer.opener->push(peer.session->take_ciphertext());
  OpenedRecord record;
  ASSERT_TRUE(peer.opener->next(peer.pair.context, &record).value());
  EXPECT_EQ(text_of(record.content), "\x18\x00\x00\x01\x00"s);
  peer.opener->traffic().update(peer.pair.keys);
  ASSERT_TRUE(peer.opener->next(peer.pair.context, &record).value());
  EXPECT_EQ(text_of(record.content), "answer");
}

TEST(Record, BrokenKeyUpdates) {
  for (const auto& message : {"\x18\x00\x00\x01\x02"s, "\x18\x00\x00\x02\x00\x00"s, "\x18\x00\x00\x00"s}) {
    RawPeer peer;
    peer.send(ContentType::kHandshake, message);
    EXPECT_EQ(peer.session->failure(), TlsFailure::kMalformedMessage);
  }
  RawPeer peer;
  peer.send(ContentType::kHandshake, "\x18\x00\x00\x01\x00\x18\x00\x00\x01\x00"s);
  EXPECT_EQ(peer.session->failure(), TlsFailure::kUnexpectedMessage);
}

TEST(Record, OtherHandshakeMessagesAndTypesAreRefused) {
  for (const auto& [type, message] : std::initializer_list<std::pair<ContentType, std::string>>{
           {ContentType::kHandshake, "\x01\x00\x00\x00"s},   // a second ClientHello
           {ContentType::kHandshake, ""s + "\x0d\x00\x00\x00"s},
           {static_cast<ContentType>(99), "x"s},
           {ContentType::kChangeCipherSpec, "\x01"s}}) {
    RawPeer peer;
    peer.send(type, message);
    EXPECT_EQ(peer.session->failure(), TlsFailure::kUnexpectedMessage);
  }
  RawPeer peer;
  peer.send(ContentType::kHandshake, "\x18\x01\x00\x01"s);  // 65537 bytes announced
  EXPECT_EQ(peer.session->failure(), TlsFailure::kMalformedMessage);
}

TEST(Record, PaddingIsTakenOffAndNothingButPaddingRefused) {
  RawPeer peer;
  // The content type of a record is its last non-zero byte: a "type 0" record is text, its real type and zeros.
  ByteChain out;
  const std::string text = "text\x17"s + std::string(99, '\0');
  ASSERT_TRUE(peer.sealer->seal(peer.pair.context, static_cast<ContentType>(0), as_bytes(text), &out));
  peer.session->on_ciphertext(std::move(out));
  EXPECT_EQ(text_of(peer.session->take_plaintext()), "text");
  peer.send(static_cast<ContentType>(0), std::string(20, '\0'));
  EXPECT_EQ(peer.session->failure(), TlsFailure::kUnexpectedMessage);
}

TEST(Record, AlertsOfThePeerHaveNames) {
  RawPeer peer;
  peer.send(ContentType::kAlert, "\x01\x5a"s);  // user_canceled: a close_notify follows
  EXPECT_EQ(peer.session->state(), State::kOpen);
  peer.send(ContentType::kAlert, "\x02\x31"s);
  EXPECT_EQ(peer.session->failure(), TlsFailure::kPeerAlert);
  EXPECT_EQ(peer.session->error(), "peer sent a TLS alert: access_denied");
  RawPeer closing;
  closing.send(ContentType::kAlert, "\x01\x00"s);
  EXPECT_EQ(closing.session->state(), State::kPeerClosed);
  closing.send_bytes("anything after it is ignored");
  EXPECT_EQ(closing.session->state(), State::kPeerClosed);
  RawPeer broken;
  broken.send(ContentType::kAlert, "\x01"s);
  EXPECT_EQ(broken.session->failure(), TlsFailure::kMalformedMessage);
}

TEST(Record, ReplayedAndReorderedRecordsDoNotOpen) {
  RawPeer peer;
  ByteChain first;
  ASSERT_TRUE(peer.sealer->seal(peer.pair.context, ContentType::kApplicationData, as_bytes("one"), &first));
  const std::string bytes = text_of(first);
  peer.send_bytes(bytes);
  EXPECT_EQ(text_of(peer.session->take_plaintext()), "one");
  peer.send_bytes(bytes);
  EXPECT_EQ(peer.session->failure(), TlsFailure::kBadRecordMac);
}

TEST(Record, OneSegmentRecordsKeepTheirBuffer) {
  Pair pair;
  crypto::DirectionState state;
  RecordSealer sealer(state);
  ByteChain text = ByteChain::copy_of(as_bytes("payload"), pair.pool, 16);
  const std::uint8_t* at = text.front().data();
  ByteChain out;
  ASSERT_TRUE(sealer.seal(pair.context, ContentType::kApplicationData, std::move(text), kMaximumPlaintext, &out));
  EXPECT_EQ(out.slices(), 1u);
  EXPECT_EQ(out.front().data(), at - kRecordHeader);
  EXPECT_EQ(pair.pool.outstanding(), 1u);
  RecordOpener opener(state);
  opener.push(std::move(out));
  OpenedRecord record;
  ASSERT_TRUE(opener.next(pair.context, &record).value());
  EXPECT_EQ(record.content.front().data(), at);
}

}  // namespace
}  // namespace weft::tls
