// ClientHelloPeek over any bytes in any cuts. The first byte chooses the size of the cuts.
#include <cstdlib>

#include "base/byte_chain.h"
#include "dataplane/tls/client_hello.h"

using weft::ByteChain;
using weft::ByteSpan;
using Verdict = weft::tls::ClientHelloPeek::Verdict;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  weft::HeapBufferPool pool(256);
  const std::size_t cut = 1 + data[0];
  const ByteSpan bytes{data + 1, size - 1};
  weft::tls::ClientHelloPeek at_once, in_pieces;
  const Verdict expected = at_once.look(ByteChain::copy_of(bytes, pool));

  ByteChain chain;
  Verdict verdict = in_pieces.look(chain);
  for (std::size_t at = 0; at < bytes.size() && verdict == Verdict::kNeedMore; at += cut) {
    chain.append(ByteChain::copy_of(bytes.subspan(at, std::min(cut, bytes.size() - at)), pool));
    verdict = in_pieces.look(chain);
  }
  // What is complete in pieces may be followed by bytes of the same record layer, which at once is malformed, and a
  // prefix may already be refused; never may the two both be sure and disagree about the names.
  if (verdict == Verdict::kComplete && expected == Verdict::kComplete &&
      (in_pieces.hello().server_name != at_once.hello().server_name ||
       in_pieces.hello().application_protocols != at_once.hello().application_protocols)) {
    std::abort();
  }
  if (expected == Verdict::kComplete && verdict != Verdict::kComplete) std::abort();
  return 0;
}
