"""Owns the device tree overlays: what the kernel must know of the pins before any program runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.board.pins import Pins

_CLOCK_ADDRESS = 0x68
_HEADER_I2C = {(2, 3): "i2c1"}
_HEADER_UART = {(14, 15): ("uart0", "uart0_gpio14", "uart1")}
"""By pins (transmit, receive): the UART, its pin group, and who else would use the pins."""

_WARNING = (
    "// Made from hw/pins.toml by `python -m hw.generate`: change that file, not this one.\n"
)

_BOX = """{warning}
/dts-v1/;
/plugin/;

/ {{
	compatible = "brcm,bcm2837", "brcm,bcm2711";
}};

// The clock that goes on while the box has no power.
&{i2c} {{
	#address-cells = <1>;
	#size-cells = <0>;
	status = "okay";

	rtc@{address:x} {{
		compatible = "maxim,ds3231";
		reg = <0x{address:x}>;
	}};
}};

// The RS-232 plug: the good UART, not for Bluetooth, and no console on its pins. It is not turned
// on here: U-Boot, which reads the same tree, would write to it.
&{uart} {{
	pinctrl-names = "default";
	pinctrl-0 = <&{group}>;

	bluetooth {{
		status = "disabled";
	}};
}};

&{other_uart} {{
	status = "disabled";
}};

// The kernel itself holds the power: from when this driver is there until the very end of a
// shutdown, whatever becomes of the programs.
&{{/}} {{
	jembatan-power {{
		compatible = "gpio-leds";

		hold {{
			label = "jembatan:power-hold";
			gpios = <&gpio {hold} 0>;
			default-state = "on";
		}};
	}};
}};
"""

_DRIVE = """{warning}
/dts-v1/;
/plugin/;

/ {{
	compatible = "brcm,bcm2837", "brcm,bcm2711";
}};

// The box poses as a USB stick, on a CM4 or a Zero 2 W. A Pi 4B needs nothing: its USB-C socket
// is a device's already. The socket takes no sticks then.
&usb {{
	dr_mode = "peripheral";
	g-rx-fifo-size = <256>;
	g-np-tx-fifo-size = <32>;
	g-tx-fifo-size = <256 256 512 512 512 768 768>;
}};
"""


def box_overlay(pins: Pins) -> str:
    """The source of the overlay that every box has.

    Raises KeyError where the pins are none that this bus or that UART has on the header.
    """
    uart, group, other = _HEADER_UART[pins.serial_transmit, pins.serial_receive]
    return _BOX.format(
        warning=_WARNING,
        i2c=_HEADER_I2C[pins.clock_data, pins.clock_clock],
        address=_CLOCK_ADDRESS,
        uart=uart,
        group=group,
        other_uart=other,
        hold=pins.power_hold,
    )


def drive_overlay() -> str:
    """The source of the overlay for a box that poses as a stick, where the board needs one."""
    return _DRIVE.format(warning=_WARNING)
