/* cases.h - every hostile guest: CASE(name, vcpus, how the machine must stop, the byte at
 * the exit port, what must hold).  The launcher makes its list of it, the guest its table
 * of functions.  Files are named after the first word of their cases.  A driver under Linux
 * plays those that need no more than disks and a network card. */

#define PASSES(name, what)	CASE(name, 1, STOP_EXIT_PORT, GUEST_PASSED, what)
#define PASSES_SMP(name, what)	CASE(name, 2, STOP_EXIT_PORT, GUEST_PASSED, what)

PASSES(chain_loop, "a chain that loops stops its device")
PASSES(chain_long, "a chain as long as the queue is served, one longer is not")
PASSES(chain_next, "a next index outside the table stops the device")
PASSES(chain_wild, "an address outside RAM stops the device")
PASSES(chain_huge, "a length of 4 GiB stops the device")
PASSES(chain_empty, "descriptors of no length do no harm")
PASSES(chain_order, "readable after writable stops the device")
PASSES(chain_flags, "INDIRECT and unknown flags stop the device")

PASSES(ring_jump, "an avail index beyond the queue size stops the device")
PASSES(ring_head, "an avail entry outside the table stops the device")
PASSES(ring_size, "a queue of a forbidden size never becomes ready")
PASSES(ring_frozen_size, "the size of a ready queue cannot be changed")
PASSES(ring_frozen_place, "the addresses of a ready queue cannot be changed")
PASSES(ring_unaligned, "unaligned rings never become ready")
PASSES(ring_outside, "rings outside RAM never become ready")
PASSES(ring_ready, "QueueReady games end in a device that a reset revives")
PASSES(ring_overlap, "rings on top of each other harm only their device")
PASSES(ring_self, "a device that overwrites its own rings harms only itself")
PASSES(ring_twice, "one buffer offered many times is served as often")
PASSES(ring_early, "kicks without DRIVER_OK do nothing")
PASSES(ring_nowhere, "kicks on queues that are not there do nothing")

PASSES(regs_read, "every offset can be read in every width")
PASSES(regs_write, "every offset can be written in every width")
PASSES(regs_states, "every register can be read and written in every state of a driver")
PASSES(regs_const, "read-only registers stay as they are")
PASSES(regs_config, "config space reads the same in every width and ends where it ends")
PASSES(regs_features, "features that were not offered are not had")
PASSES(regs_select, "selectors of what is not there select nothing")
PASSES(regs_status, "status bits out of order start nothing")
PASSES(regs_ack, "interrupt acknowledge storms lose no interrupt")
PASSES(regs_rep, "repeated string accesses stay in the page")
PASSES(regs_absent, "pages without a device are quiet")

PASSES(reset_storm, "a thousand resets leave a working device")
PASSES(reset_flight, "a reset ends what is in flight: memory stays untouched after it")
PASSES(reset_halfway, "a reset at any step of the set-up works")
PASSES(reset_every, "a reset after any register write of set-up and request leaves nothing")

PASSES_SMP(moving_flags, "flags that change while the device reads them")
PASSES_SMP(moving_address, "addresses and lengths that change while the device reads them")
PASSES_SMP(moving_header, "a request header that changes while the device reads it")
PASSES_SMP(moving_index, "ring indices that change while the device reads them")
PASSES_SMP(moving_reset, "one vcpu resets while the other kicks")
PASSES_SMP(moving_setup, "two vcpus set up the same queue")

PASSES(blk_end, "sectors beyond the end, or wrapping, are I/O errors")
PASSES(blk_readonly, "a read-only disk cannot be written")
PASSES(blk_type, "unknown request types are answered UNSUPP")
PASSES(blk_split, "a header in one-byte pieces works")
PASSES(blk_status, "a request without room for its status stops the device")
PASSES(blk_header, "a request without a whole header stops the device")
PASSES(blk_huge, "gigabytes of data in one request are an error")
PASSES(blk_id, "GET_ID fills what there is and no more")
PASSES(blk_odd, "data that is no whole sector is an I/O error")
PASSES(blk_direction, "data in the wrong direction moves nothing")
PASSES(blk_full, "a full queue is served by one kick")

PASSES(net_oversized, "frames above the limit are not sent")
PASSES(net_split, "a frame in one-byte pieces is sent whole")
PASSES(net_tiny, "frames without a header or without bytes do no harm")
PASSES(net_direction, "buffers in the wrong direction move nothing")
PASSES(net_small_buffers, "receive buffers too small for a frame do no harm")
PASSES(net_burst, "frames that find no receive buffer do no harm")
PASSES(net_stall, "a wire that takes nothing stalls only itself")

#if !UNDER_LINUX
PASSES(vsock_cid, "packets from or to a wrong cid get nowhere")
PASSES(vsock_refused, "a storm of connects to refused ports is answered with resets")
PASSES(vsock_slots, "more connections than slots: the rest is reset")
PASSES(vsock_silent, "connects that nobody answers can be given up")
PASSES(vsock_credit, "more data than there is credit resets the connection")
PASSES(vsock_credit_lies, "lies about the guest's own buffer harm only the guest")
PASSES(vsock_shutdown, "data after a shutdown is not taken")
PASSES(vsock_stray, "data without a connection is reset")
PASSES(vsock_length, "a packet shorter than it says stops the device")
PASSES(vsock_split, "a packet in one-byte pieces works")
PASSES(vsock_op, "unknown operations and types are reset")
PASSES(vsock_small_buffers, "receive buffers too small for a packet do no harm")
PASSES(vsock_hangup, "a host that hangs up, a thousand bytes later")
PASSES(vsock_call, "a call from the host that the guest answers with nonsense")

PASSES(port_sweep, "unknown ports read ones and swallow writes")
PASSES(port_rep, "repeated port accesses do no harm")
PASSES(port_holes, "memory that is not there reads ones and swallows writes")
PASSES(port_console, "a console flood that nobody reads does not stall the guest")
CASE(port_exit, 1, STOP_EXIT_PORT, 0xa5, "the exit port's byte is the code")
CASE(port_exit_wide, 1, STOP_EXIT_PORT, 0x34, "a wide write to the exit port is its low byte")
PASSES_SMP(port_exit_both, "two vcpus at the exit port at once")
PASSES(port_exit_busy, "an end while every thread is at work is a clean one")
CASE(port_reset, 1, STOP_RESET, 0, "the keyboard controller's reset ends the machine")
CASE(port_triple, 1, STOP_TRIPLE_FAULT, 0, "a triple fault ends the machine")
CASE(port_triple_second, 2, STOP_TRIPLE_FAULT, 0, "a triple fault of the second vcpu, too")

PASSES(storm_edge, "interrupts that nobody acknowledges do no harm")
PASSES(storm_level, "interrupts that stay up do no harm")
PASSES(storm_serial, "an interrupt for every word to the serial port does no harm")
PASSES_SMP(storm_between, "vcpus that interrupt each other stop no device")
#endif
PASSES_SMP(storm_kicks, "kicks without end leave time for work")

PASSES(monkey_steps, "a driver that does anything at all finds what works after a reset")

#if !UNDER_LINUX
PASSES_SMP(flood_console, "lines without end that nobody reads stall nobody")
PASSES(flood_complaints, "all there is to complain of, again and again, is said once")
PASSES(flood_connects, "connects whose answers are not fetched are left unread in the end")

PASSES(memory_all, "a guest that fills its memory has that much and no more")

PASSES(quiet_conns, "bytes and ends that cannot be delivered cost nothing while they wait")
PASSES(quiet_frames, "frames that cannot be delivered cost nothing while they wait")
PASSES(quiet_broken, "devices that stopped cost nothing")

PASSES(neighbour_works, "an honest guest gets its work done")
#endif

#undef PASSES
#undef PASSES_SMP
