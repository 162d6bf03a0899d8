#include "dataplane/observe/capture_ring.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace taploom::observe {
namespace {

constexpr std::size_t kMegabyte = 1 << 20;

class CaptureRingTest : public ::testing::Test {
 protected:
  explicit CaptureRingTest(std::uint32_t snap_length = 65'600) {
    std::vector<std::uint16_t> ports;
    for (std::uint32_t port = 0; port < 100; ++port)
      ports.push_back(static_cast<std::uint16_t>(port));
    descriptor_ = CaptureRingMemory::Make(kMegabyte, snap_length, ports);
    EXPECT_GE(descriptor_, 0);
    writer_ = std::make_unique<CaptureRingWriter>(Map());
    reader_ = std::make_unique<CaptureRingReader>(Map());
  }
  ~CaptureRingTest() override { close(descriptor_); }

  std::unique_ptr<CaptureRingMemory> Map() {
    std::string error;
    auto memory = CaptureRingMemory::Map(descriptor_, CaptureRingMemory::SizeOf(kMegabyte), error);
    EXPECT_NE(memory, nullptr) << error;
    return memory;
  }
  // A frame whose bytes depend on its number and size, in head and tail.
  Packet FrameOf(std::uint8_t number, std::size_t size) {
    Packet packet;
    const std::size_t in_head = std::min(size, head_.size());
    std::fill_n(head_.begin(), in_head, number);
    std::fill_n(tail_.begin(), size - in_head, static_cast<std::uint8_t>(number + 1));
    packet.head = head_.data();
    packet.head_size = static_cast<std::uint32_t>(in_head);
    packet.tail = tail_.data();
    packet.tail_size = static_cast<std::uint32_t>(size - in_head);
    return packet;
  }

  // What is recorded of the frame, in one piece.
  static std::vector<std::uint8_t> BytesOf(const CaptureRingReader::Entry& entry) {
    std::vector<std::uint8_t> bytes(entry.head.begin(), entry.head.end());
    bytes.insert(bytes.end(), entry.tail.begin(), entry.tail.end());
    return bytes;
  }
  static std::uint8_t FirstOf(const CaptureRingReader::Entry& entry) { return entry.head.front(); }
  static std::size_t SizeOf(const CaptureRingReader::Entry& entry) {
    return entry.head.size() + entry.tail.size();
  }

  int descriptor_;
  std::unique_ptr<CaptureRingWriter> writer_;
  std::unique_ptr<CaptureRingReader> reader_;
  std::vector<std::uint8_t> head_ = std::vector<std::uint8_t>(Packet::kHeadCapacity);
  std::vector<std::uint8_t> tail_ = std::vector<std::uint8_t>(Packet::kTailCapacity);
};

TEST_F(CaptureRingTest, ARecordComesOutAsItWentIn) {
  Packet frame = FrameOf(7, 3000);
  frame.vnet.gso_size = 1400;
  CaptureRecord* record = writer_->Add(5, true, 42, 1'000'000'007, frame, 100);
  ASSERT_NE(record, nullptr);
  record->drop_reason = 3;
  writer_->SetText(*record, "because");
  CaptureRingReader::Entry entry;
  EXPECT_FALSE(reader_->Next(entry)) << "it is not published yet";
  writer_->Publish();
  ASSERT_TRUE(reader_->Next(entry));
  EXPECT_EQ(entry.record.port, 5);
  EXPECT_EQ(entry.record.is_outbound, 1);
  EXPECT_EQ(entry.record.drop_reason, 3);
  EXPECT_EQ(entry.record.packet_id, 42u);
  EXPECT_EQ(entry.record.time_ns, 1'000'000'007);
  EXPECT_EQ(entry.record.frame_size, 3000u);
  EXPECT_EQ(entry.record.vnet.gso_size, 1400);
  EXPECT_EQ(entry.text, "because");
  ASSERT_EQ(entry.head.size(), 2048u);
  EXPECT_EQ(entry.head.back(), 7);
  ASSERT_EQ(entry.tail.size(), 952u);
  EXPECT_EQ(entry.tail.front(), 8);
  EXPECT_FALSE(reader_->Next(entry));
  EXPECT_EQ(reader_->error(), "");
}

TEST_F(CaptureRingTest, APayloadIsThereOnce) {
  const Packet frame = FrameOf(7, 60'000);
  const CaptureRecord* entered = writer_->Add(5, false, 42, 0, frame, 0);
  head_[0] = 9;  // rewritten
  const CaptureRecord* left = writer_->Add(6, true, 42, 0, frame, 0);
  EXPECT_EQ(entered->size, sizeof(CaptureRecord) + 60'000);
  EXPECT_EQ(left->size, sizeof(CaptureRecord) + 2048);
  writer_->Publish();
  CaptureRingReader::Entry entry;
  ASSERT_TRUE(reader_->Next(entry));
  const std::vector<std::uint8_t> before = BytesOf(entry);
  EXPECT_EQ(before.size(), 60'000u);
  ASSERT_TRUE(reader_->Next(entry));
  std::vector<std::uint8_t> after = BytesOf(entry);
  EXPECT_EQ(after.front(), 9);
  after.front() = 7;
  EXPECT_EQ(after, before);
  EXPECT_FALSE(reader_->Next(entry));
  EXPECT_EQ(Map()->header().read, Map()->header().written) << "nothing is kept back";
}

TEST_F(CaptureRingTest, WhatIsNotTheSamePayloadIsNotShared) {
  Packet frame = FrameOf(7, 60'000);
  writer_->Add(5, false, 42, 0, frame, 0);
  EXPECT_GT(writer_->Add(6, true, 43, 0, frame, 0)->size, 60'000u) << "another packet";
  frame.tail_size -= 1;
  EXPECT_GT(writer_->Add(6, true, 42, 0, frame, 0)->size, 59'000u) << "shorter";
  std::vector<std::uint8_t> other(Packet::kTailCapacity);
  frame = FrameOf(7, 60'000);
  frame.tail = other.data();
  EXPECT_GT(writer_->Add(6, true, 42, 0, frame, 0)->size, 60'000u) << "other memory";
}

TEST_F(CaptureRingTest, PassagesComeOutAsTheyWentIn) {
  std::vector<GatewayPassage> passages(2);
  passages[0].gateway = {'n', 'a', 't', '-', '1'};
  passages[1].after.source_port = 7;
  const std::size_t room = 100 + 2 * sizeof(GatewayPassage);
  CaptureRecord* record = writer_->Add(5, false, 1, 0, FrameOf(1, 61), room);
  writer_->SetText(*record, std::string(1000, 'x'), passages);
  writer_->Publish();
  CaptureRingReader::Entry entry;
  ASSERT_TRUE(reader_->Next(entry));
  EXPECT_EQ(entry.text.substr(0, 100), std::string(100, 'x'));
  ASSERT_EQ(entry.passages.size(), 2u);
  EXPECT_EQ(entry.passages[0].id(), "nat-1");
  EXPECT_EQ(entry.passages[1].id(), "");
  EXPECT_EQ(entry.passages[1].after.source_port, 7);
}

TEST_F(CaptureRingTest, PortsThatAreNotWantedAreLeftOut) {
  EXPECT_FALSE(writer_->wants(100));
  EXPECT_EQ(writer_->Add(100, false, 1, 0, FrameOf(1, 60), 0), nullptr);
  EXPECT_EQ(reader_->lost(), 0u);
}

TEST_F(CaptureRingTest, ALongTextIsCutAndAShortOneGivesItsRoomBack) {
  CaptureRecord* record = writer_->Add(1, false, 1, 0, FrameOf(1, 60), 100);
  writer_->SetText(*record, std::string(1000, 'x'));
  record = writer_->Add(1, false, 2, 0, FrameOf(2, 60), 100);
  writer_->SetText(*record, "");
  EXPECT_EQ(record->size, sizeof(CaptureRecord) + 64);
  writer_->Publish();
  CaptureRingReader::Entry entry;
  ASSERT_TRUE(reader_->Next(entry));
  EXPECT_EQ(entry.text, std::string(entry.text.size(), 'x'));
  EXPECT_GE(entry.text.size(), 100u);
  EXPECT_LT(entry.text.size(), 108u);
  ASSERT_TRUE(reader_->Next(entry));
  EXPECT_EQ(entry.text, "");
}

// The ring beside a queue that is nothing but a queue: a hundred thousand frames of random sizes,
// of which many leave again, read in random bursts, round the end many times.
TEST_F(CaptureRingTest, IsAQueueThatCountsWhatDoesNotFit) {
  const std::uint32_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::deque<std::pair<std::uint64_t, std::size_t>> expected;
  std::uint64_t lost = 0;
  CaptureRingReader::Entry entry;
  for (std::uint64_t id = 1; id <= 100'000; ++id) {
    const std::size_t size = 14 + random() % (random() % 8 == 0 ? 60'000 : 1500);
    CaptureRecord* record =
        writer_->Add(3, false, id, 0, FrameOf(static_cast<std::uint8_t>(id), size), 40);
    if (record == nullptr) {
      ++lost;
    } else {
      writer_->SetText(*record, std::string(random() % 40, 'a'));
      expected.emplace_back(id, size);
    }
    for (std::size_t leaves = random() % 3; leaves > 0; --leaves) {
      const bool is_there =
          writer_->Add(3, true, id, 0, FrameOf(static_cast<std::uint8_t>(id), size), 0) != nullptr;
      if (is_there) expected.emplace_back(id, size);
      lost += is_there ? 0 : 1;
    }
    if (random() % 32 == 0) writer_->Publish();
    if (random() % 64 != 0) continue;
    writer_->Publish();
    for (std::size_t burst = random() % 200; burst > 0 && reader_->Next(entry); --burst) {
      ASSERT_FALSE(expected.empty());
      ASSERT_EQ(entry.record.packet_id, expected.front().first);
      ASSERT_EQ(SizeOf(entry), expected.front().second);
      ASSERT_EQ(FirstOf(entry), static_cast<std::uint8_t>(entry.record.packet_id));
      if (!entry.tail.empty()) {
        ASSERT_EQ(entry.tail.front(), static_cast<std::uint8_t>(entry.record.packet_id + 1));
        ASSERT_EQ(entry.tail.back(), entry.tail.front());
      }
      expected.pop_front();
    }
  }
  writer_->Publish();
  while (reader_->Next(entry)) {
    ASSERT_EQ(entry.record.packet_id, expected.front().first);
    expected.pop_front();
  }
  EXPECT_TRUE(expected.empty());
  EXPECT_EQ(reader_->error(), "");
  EXPECT_EQ(reader_->lost(), lost);
  EXPECT_GT(lost, 0u) << "the ring never was full: the test shows less than it should";
}

TEST_F(CaptureRingTest, TwoThreadsSeeWholeRecords) {
  constexpr std::uint64_t kFrames = 200'000;
  std::thread writing([&] {
    for (std::uint64_t id = 1; id <= kFrames; ++id) {
      writer_->Add(1, false, id, 0, FrameOf(static_cast<std::uint8_t>(id), 14 + id % 1500), 0);
      if (id % 32 == 0) writer_->Publish();
    }
    writer_->Publish();
    writer_->End();
  });
  CaptureRingReader::Entry entry;
  std::uint64_t seen = 0, last = 0;
  const auto take = [&] {
    while (reader_->Next(entry)) {
      ASSERT_GT(entry.record.packet_id, last);
      last = entry.record.packet_id;
      ASSERT_EQ(SizeOf(entry), 14 + last % 1500);
      ASSERT_TRUE(std::all_of(entry.head.begin(), entry.head.end(), [&](std::uint8_t byte) {
        return byte == static_cast<std::uint8_t>(last);
      }));
      ++seen;
    }
  };
  while (!reader_->has_ended()) take();
  writing.join();
  take();
  EXPECT_EQ(seen + reader_->lost(), kFrames);
  EXPECT_EQ(reader_->error(), "");
}

// Whatever stands in the ring, the reader stays inside it.
TEST_F(CaptureRingTest, AWriterThatLiesIsFound) {
  const auto memory = Map();
  const std::uint32_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::uint64_t found = 0;
  for (int round = 0; round < 2000; ++round) {
    for (std::size_t i = 0; i < 4096; i += 4) {
      const auto value = static_cast<std::uint32_t>(random() % 4 == 0 ? random() : random() % 200);
      std::memcpy(memory->records() + i, &value, 4);
    }
    memory->header().read = 0;
    memory->header().written = random() % 3 == 0 ? random() : random() % 4096 & ~7u;
    CaptureRingReader reader(Map());
    CaptureRingReader::Entry entry;
    std::uint64_t sum = 0;
    while (reader.Next(entry)) {
      for (const std::uint8_t byte : BytesOf(entry)) sum += byte;
      for (const char c : entry.text) sum += static_cast<std::uint8_t>(c);
    }
    found += reader.error().empty() ? 0 : 1;
    EXPECT_LT(sum, UINT64_MAX);
  }
  EXPECT_GT(found, 1000u);
}

TEST_F(CaptureRingTest, AReaderThatLiesOnlyLoses) {
  const auto memory = Map();
  for (const std::uint64_t read : {~std::uint64_t{0}, std::uint64_t{1} << 40, std::uint64_t{999}}) {
    memory->header().read = read;
    for (std::uint64_t id = 0; id < 5000; ++id) writer_->Add(1, false, id, 0, FrameOf(1, 1000), 0);
    writer_->Publish();
  }
  EXPECT_GT(reader_->lost(), 0u);
}

TEST_F(CaptureRingTest, AReaderThatIsGoneIsNoticed) {
  writer_->Add(1, false, 1, 0, FrameOf(1, 60), 0);
  writer_->Publish();
  EXPECT_TRUE(writer_->HasStalled());
  CaptureRingReader::Entry entry;
  reader_->Next(entry);
  reader_->Next(entry);  // the first is given back
  EXPECT_FALSE(writer_->HasStalled());
  EXPECT_FALSE(writer_->HasStalled()) << "nothing waits, so nobody is missed";
}

TEST(CaptureRingMemory, HoldsARingForEachWorker) {
  const std::array<std::uint16_t, 1> ports{7};
  const int descriptor = CaptureRingMemory::Make(kMegabyte, 100, ports, 2);
  const std::size_t size = CaptureRingMemory::SizeOf(kMegabyte);
  std::string error;
  for (std::size_t worker = 0; worker < 2; ++worker) {
    CaptureRingWriter writer(CaptureRingMemory::Map(descriptor, size, error, worker));
    ASSERT_EQ(error, "");
    ASSERT_NE(writer.Add(7, false, worker + 1, 0, Packet(), 0), nullptr);
    writer.Publish();
  }
  for (std::size_t worker = 0; worker < 2; ++worker) {
    CaptureRingReader reader(CaptureRingMemory::Map(descriptor, size, error, worker));
    CaptureRingReader::Entry entry;
    ASSERT_TRUE(reader.Next(entry));
    EXPECT_EQ(entry.record.packet_id, worker + 1);
    EXPECT_FALSE(reader.Next(entry));
  }
  close(descriptor);
}

TEST_F(CaptureRingTest, ARecordThatIsTakenBackWasNeverThere) {
  const Packet packet = FrameOf(1, 60);
  const CaptureRecord* record = writer_->Add(5, false, 1, 0, packet, 100);
  ASSERT_NE(record, nullptr);
  writer_->TakeBack(*record);
  ASSERT_NE(writer_->Add(5, false, 2, 0, packet, 0), nullptr);
  writer_->Publish();
  CaptureRingReader::Entry entry;
  ASSERT_TRUE(reader_->Next(entry));
  EXPECT_EQ(entry.record.packet_id, 2u);
  EXPECT_FALSE(reader_->Next(entry));
}

TEST(CaptureRingMemory, RefusesWhatIsNoRing) {
  std::string error;
  const int descriptor = CaptureRingMemory::Make(kMegabyte, 100, {});
  const std::size_t size = CaptureRingMemory::SizeOf(kMegabyte);
  EXPECT_EQ(CaptureRingMemory::Map(descriptor, 0, error), nullptr);
  EXPECT_EQ(CaptureRingMemory::Map(descriptor, size - 4096, error), nullptr);
  EXPECT_EQ(CaptureRingMemory::Map(-1, size, error), nullptr);
  auto ring = CaptureRingMemory::Map(descriptor, size, error);
  ASSERT_NE(ring, nullptr);
  EXPECT_NE(ftruncate(descriptor, 0), 0) << "it is sealed";
  ring->header().magic = 1;
  EXPECT_EQ(CaptureRingMemory::Map(descriptor, size, error), nullptr);
  EXPECT_EQ(error, "The descriptor is no capture ring.");
  close(descriptor);
}

}  // namespace
}  // namespace taploom::observe
