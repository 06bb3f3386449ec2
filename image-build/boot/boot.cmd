# Owns which slot is started, on both boards: the script of U-Boot on the first partition.
#
# Remembered in slots.env, in RAUC's words: BOOT_ORDER, BOOT_A_LEFT, BOOT_B_LEFT. Every start takes
# one attempt off its slot and writes that down before the slot is read; Linux gives it back. A slot
# without attempts is passed over. Nothing that is missing or damaged ends the start:
#
# - slots.env torn: slots.bak, which is written before it, says what held one write earlier;
# - both gone: the slot with the higher rank (its own slot.env: schema of the journal, then age)
#   comes first, so that an older system, which might not read the journal, is only the last resort;
# - no attempts left anywhere: the same order with new attempts, what was marked bad behind it;
# - a slot that cannot be read: the next.
#
# On the first partition: boot.env (jembatan_board, jembatan_args). In a slot: Image, initrd,
# slot.env (slot_rank, slot_args), dtb/. (U-Boot for the rpi takes a file called uboot.env for its own
# whole environment, with its boot command: this is another one.)
# All numbers are below 0xa, for setexpr and RAUC count in hex.

test -n "${distro_bootpart}" || setenv distro_bootpart 1
setenv card "${devtype} ${devnum}"
setenv first "${card}:${distro_bootpart}"

if test "${board}" = "rpi"; then
    # Debian's kernel is larger than the room U-Boot's own addresses leave; 512 MB boards have these.
    setenv jembatan_board rpi
    setenv kernel_at 0x00200000
    setenv initrd_at 0x0a000000
    setenv tree_at 0x07f00000
    setenv env_at 0x07e00000
    setenv old_at 0x07e80000
else
    setenv jembatan_board vm
    setenv kernel_at 0x40400000
    setenv initrd_at 0x48000000
    setenv tree_at 0x47f00000
    setenv env_at 0x47e00000
    setenv old_at 0x47e80000
fi
setenv jembatan_args
if load ${first} ${env_at} boot.env; then
    env import -t -r ${env_at} ${filesize} jembatan_board jembatan_args
fi

# The device tree that the firmware made (with its overlays, memory and serial) is kept. The line of
# the RS-232 plug, which U-Boot must not find (imagebuild/quiet.py), is Linux's from here on; a tree
# that has none, or does not let itself be changed, is started as well.
setenv tree ${fdt_addr}
if test -n "${tree}"; then
    if fdt addr ${tree}; then fdt set /soc/serial@7e201000 status okay; else setenv tree; fi
fi

setenv remembered no
for file in slots.env slots.bak; do
    if test "${remembered}" = "no"; then
        if load ${first} ${old_at} ${file} 0x4000; then
            if env import -c ${old_at} 0x4000 BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT; then
                test -n "${BOOT_ORDER}" && setenv remembered ${file}
            fi
        fi
    fi
done

if test "${remembered}" = "no"; then
    setenv rank_A 0
    setenv rank_B 0
    if load ${card}:2 ${env_at} slot.env; then
        setenv slot_rank 0
        env import -t -r ${env_at} ${filesize} slot_rank
        setenv rank_A ${slot_rank}
    fi
    if load ${card}:3 ${env_at} slot.env; then
        setenv slot_rank 0
        env import -t -r ${env_at} ${filesize} slot_rank
        setenv rank_B ${slot_rank}
    fi
    setenv BOOT_ORDER "A B"
    if test "${rank_B}" -gt "${rank_A}"; then
        setenv BOOT_ORDER "B A"
    fi
    setenv BOOT_A_LEFT 3
    setenv BOOT_B_LEFT 3
    echo "Nothing remembered: order ${BOOT_ORDER} by rank ${rank_A}, ${rank_B}"
fi

# Two rounds: with the attempts that are left; then, should that start nothing, with new ones.
for round in 1 2; do
    for slot in ${BOOT_ORDER}; do
        setenv left 0
        if test "${slot}" = "A"; then
            setenv left ${BOOT_A_LEFT}
            setenv boot_part 2
            setenv root_part 5
        elif test "${slot}" = "B"; then
            setenv left ${BOOT_B_LEFT}
            setenv boot_part 3
            setenv root_part 6
        fi
        if test "${left}" -gt 0; then
            setexpr left ${left} - 1
            setenv BOOT_${slot}_LEFT ${left}
            # What held before is written first, so that one of the two files is always whole.
            if test "${remembered}" = "slots.env"; then
                fatwrite ${first} ${old_at} slots.bak 0x4000
            fi
            env export -c -s 0x4000 ${env_at} BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT
            fatwrite ${first} ${env_at} slots.env 0x4000
            cp.b ${env_at} ${old_at} 0x4000
            setenv remembered slots.env

            echo "Slot ${slot}, attempts left after this one: ${left}"
            setenv slot_args
            if load ${card}:${boot_part} ${env_at} slot.env; then
                env import -t -r ${env_at} ${filesize} slot_args
            fi
            setenv tree_used ${tree}
            if test -z "${tree}"; then
                if load ${card}:${boot_part} ${tree_at} dtb/${fdtfile}; then
                    setenv tree_used ${tree_at}
                fi
            fi
            if part uuid ${card}:${root_part} root_uuid; then
                setenv bootargs "root=PARTUUID=${root_uuid} ro rauc.slot=${slot} jembatan.board=${jembatan_board} panic=10 ${slot_args} ${jembatan_args}"
                if load ${card}:${boot_part} ${kernel_at} Image; then
                    if load ${card}:${boot_part} ${initrd_at} initrd; then
                        booti ${kernel_at} ${initrd_at}:${filesize} ${tree_used}
                    fi
                fi
            fi
            echo "Slot ${slot} does not start"
        fi
    done
    # What was marked bad is out of the order: it comes last.
    if test "${BOOT_ORDER}" = "B"; then
        setenv BOOT_ORDER "B A"
    fi
    if test "${BOOT_ORDER}" = "A"; then
        setenv BOOT_ORDER "A B"
    fi
    setenv BOOT_A_LEFT 3
    setenv BOOT_B_LEFT 3
done

echo "No slot starts; trying again"
sleep 10
reset
