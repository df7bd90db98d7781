#include "base/get_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace weft {
namespace {

std::unique_ptr<GetServer> serve() {
  auto server = GetServer::listen({IpAddress::v4(127, 0, 0, 1), 0}, [](auto path, auto query) {
    if (path != "/x") return GetResponse{404, "text/plain", "no such page\n"};
    return GetResponse{200, "text/plain", "query=" + std::string(query)};
  });
  EXPECT_TRUE(server.has_value());
  return std::move(*server);
}

std::string ask(const GetServer& server, std::string_view request) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(server.endpoint().port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  send(fd, request.data(), request.size(), MSG_NOSIGNAL);
  std::string out;
  char block[1024];
  ssize_t n;
  while ((n = recv(fd, block, sizeof block, 0)) > 0) out.append(block, static_cast<std::size_t>(n));
  close(fd);
  return out;
}

TEST(GetServer, AnswersGetWithPathAndQuery) {
  const auto server = serve();
  const std::string answer = ask(*server, "GET /x?a=1 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nquery=a=1")) << answer;
}

TEST(GetServer, HeadHasNoBody) {
  const auto server = serve();
  EXPECT_TRUE(ask(*server, "HEAD /x HTTP/1.1\r\n\r\n").ends_with("\r\n\r\n"));
}

TEST(GetServer, RefusesByName) {
  const auto server = serve();
  EXPECT_TRUE(ask(*server, "GET /y HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
  EXPECT_TRUE(ask(*server, "POST /x HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
  EXPECT_TRUE(ask(*server, "garbage\r\n\r\n").starts_with("HTTP/1.1 400"));
  EXPECT_TRUE(ask(*server, "GET /x HTTP/1.1\r\nA: " + std::string(9000, 'a')).starts_with("HTTP/1.1 431"));
}

TEST(GetServer, AnAddressInUseIsAnError) {
  const auto server = serve();
  const auto second = GetServer::listen(server->endpoint(), [](auto, auto) { return GetResponse{}; });
  ASSERT_FALSE(second.has_value());
  EXPECT_NE(second.error().find("cannot listen at 127.0.0.1:"), std::string::npos);
}

}  // namespace
}  // namespace weft
