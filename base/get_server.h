// A small HTTP/1.1 server for status pages: GET and HEAD only, one short answer per connection. Its
// limits are fixed, so that no client can hold memory or keep others waiting: at most 64
// connections at a time, 8 KB of request, 5 seconds.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/ip_address.h"

namespace weft {

struct GetResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

class GetServer {
 public:
  // `path` is what stands before '?', `query` what stands behind it. Called on the server's own thread.
  using Handler = std::function<GetResponse(std::string_view path, std::string_view query)>;

  // Listens and serves at once. Port 0: any free port, see endpoint(). Error: a sentence that names the address.
  static std::expected<std::unique_ptr<GetServer>, std::string> listen(const Endpoint& at, Handler handler);
  ~GetServer();  // stops, closes all connections
  GetServer(const GetServer&) = delete;
  GetServer& operator=(const GetServer&) = delete;

  Endpoint endpoint() const;

 private:
  class Loop;
  explicit GetServer(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace weft
