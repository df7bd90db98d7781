// The directory source against a real directory: what it reads when.
#include "controlplane/config/source_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>

#include "controlplane/config/store.h"

namespace weft::controlplane {
namespace {

namespace fs = std::filesystem;

std::string name_space(const std::string& name) {
  return "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + "}\n";
}

// Waits on the source's calls, never on time alone.
class WaitingStore : public SourceSink {
 public:
  void on_update(std::vector<OriginUpdate> batch) override {
    std::lock_guard lock(mutex_);
    store.on_update(std::move(batch));
    ++batches_;
    changed_.notify_all();
  }
  void on_synced() override {
    std::lock_guard lock(mutex_);
    store.on_synced();
    changed_.notify_all();
  }
  bool wait(const std::function<bool(const Snapshot&)>& holds) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return holds(*store.snapshot()); });
  }
  int batches() {
    std::lock_guard lock(mutex_);
    return batches_;
  }
  Store store{StoreOptions{}};

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int batches_ = 0;
};

class FileSourceTest : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/weft_source_XXXXXX";
    directory = ::mkdtemp(pattern);
  }
  void TearDown() override {
    source.reset();
    fs::remove_all(directory);
    fs::remove_all(directory + ".away");
  }
  void start() {
    source = std::make_unique<FileSource>(FileSourceOptions{.directory = directory});
    source->start(sink);
    ASSERT_TRUE(sink.wait([](const Snapshot& s) { return s.synced(); }));
  }
  void write(const std::string& file, const std::string& text) { std::ofstream(directory + '/' + file) << text; }
  void replace(const std::string& file, const std::string& text) {
    write(".new", text);
    fs::rename(directory + "/.new", directory + '/' + file);
  }
  static std::function<bool(const Snapshot&)> has(const std::string& name) {
    return [name](const Snapshot& s) { return s.find({Kind::kNamespace, "", name}) != nullptr; };
  }
  static std::function<bool(const Snapshot&)> lacks(const std::string& name) {
    return [name](const Snapshot& s) { return s.find({Kind::kNamespace, "", name}) == nullptr; };
  }

  std::string directory;
  WaitingStore sink;
  std::unique_ptr<FileSource> source;
};

TEST_F(FileSourceTest, ReadsWhatIsThere) {
  fs::create_directories(directory + "/sub/deep");
  write("a.yaml", name_space("a"));
  write("sub/deep/b.yml", name_space("b"));
  write("readme.txt", "not: yaml: at all");
  write(".hidden.yaml", name_space("hidden"));
  start();
  EXPECT_TRUE(sink.wait(has("a")));
  EXPECT_TRUE(sink.wait(has("b")));
  EXPECT_TRUE(lacks("hidden")(*sink.store.snapshot()));
  EXPECT_TRUE(sink.store.snapshot()->problems().empty());
  EXPECT_EQ(sink.batches(), 1) << "the initial load is one batch";
}

TEST_F(FileSourceTest, SeesWriteRenameAndDelete) {
  start();
  write("a.yaml", name_space("written"));
  EXPECT_TRUE(sink.wait(has("written")));
  replace("a.yaml", name_space("renamed"));
  EXPECT_TRUE(sink.wait(has("renamed")));
  EXPECT_TRUE(lacks("written")(*sink.store.snapshot()));
  fs::rename(directory + "/a.yaml", directory + "/b.yaml");
  EXPECT_TRUE(sink.wait([](const Snapshot& s) { return s.version() > 0 && has("renamed")(s); }));
  fs::remove(directory + "/b.yaml");
  EXPECT_TRUE(sink.wait(lacks("renamed")));
}

TEST_F(FileSourceTest, HalfWrittenFileIsNotRead) {
  start();
  const int fd = ::open((directory + "/a.yaml").c_str(), O_CREAT | O_WRONLY, 0644);
  const std::string first = name_space("one"), second = "---\n" + name_space("two");
  ASSERT_EQ(::write(fd, first.data(), first.size()), static_cast<ssize_t>(first.size()));
  write("other.yaml", name_space("other"));  // gives the watcher every reason to look
  EXPECT_TRUE(sink.wait(has("other")));
  EXPECT_TRUE(lacks("one")(*sink.store.snapshot()));
  ASSERT_EQ(::write(fd, second.data(), second.size()), static_cast<ssize_t>(second.size()));
  ::close(fd);
  EXPECT_TRUE(sink.wait(has("two")));
}

TEST_F(FileSourceTest, FileThatIsBeingWrittenAtTheStartKeepsItFromBeingReady) {
  const int fd = ::open((directory + "/a.yaml").c_str(), O_CREAT | O_WRONLY, 0644);
  const std::string text = name_space("one");
  ASSERT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  start();
  EXPECT_FALSE(sink.store.snapshot()->ready());
  ASSERT_EQ(sink.store.snapshot()->problems().size(), 1u);
  EXPECT_EQ(sink.store.snapshot()->problems()[0].to_string(),
            "a.yaml: file cannot be read: a program has it open for writing; it is read when that is done (nothing is "
            "served until this is repaired)");
  ::close(fd);
  EXPECT_TRUE(sink.wait([](const Snapshot& s) { return s.ready() && has("one")(s); }));
}

TEST_F(FileSourceTest, FollowsFoldersThatComeAndGo) {
  start();
  fs::create_directories(directory + "/x/y");
  write("x/y/a.yaml", name_space("a"));
  EXPECT_TRUE(sink.wait(has("a")));
  fs::rename(directory + "/x", directory + ".away");
  EXPECT_TRUE(sink.wait(lacks("a")));
  fs::rename(directory + ".away", directory + "/z");
  EXPECT_TRUE(sink.wait(has("a")));
}

TEST_F(FileSourceTest, ReadsAMountedConfigMap) {
  fs::create_directories(directory + "/..1");
  fs::create_directories(directory + "/..2");
  write("..1/a.yaml", name_space("one"));
  write("..2/a.yaml", name_space("two"));
  fs::create_symlink("..1", directory + "/..data");
  fs::create_symlink("..data/a.yaml", directory + "/a.yaml");
  start();
  EXPECT_TRUE(sink.wait(has("one")));
  fs::create_symlink("..2", directory + "/..data_tmp");
  fs::rename(directory + "/..data_tmp", directory + "/..data");
  EXPECT_TRUE(sink.wait(has("two")));
}

TEST_F(FileSourceTest, ComesBackWithItsDirectory) {
  write("a.yaml", name_space("a"));
  start();
  fs::rename(directory, directory + ".away");
  fs::create_directory(directory);
  write("b.yaml", name_space("b"));
  EXPECT_TRUE(sink.wait(has("b")));
  EXPECT_TRUE(sink.wait(lacks("a")));
}

TEST_F(FileSourceTest, RefusesToStartWithoutADirectory) {
  EXPECT_THROW(FileSource(FileSourceOptions{.directory = directory + "/absent"}), std::runtime_error);
}

TEST_F(FileSourceTest, SaysTooLarge) {
  write("a.yaml", std::string(2000, '#'));
  source = std::make_unique<FileSource>(FileSourceOptions{.directory = directory, .file_bytes_max = 1000});
  source->start(sink);
  ASSERT_TRUE(sink.wait([](const Snapshot& s) { return s.synced(); }));
  EXPECT_EQ(sink.store.snapshot()->problems().at(0).code, ProblemCode::kTooLarge);
}

}  // namespace
}  // namespace weft::controlplane
