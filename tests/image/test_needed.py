from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from imagebuild.errors import NotEarly
from imagebuild.needed import read_claims, require_early

if TYPE_CHECKING:
    from pathlib import Path

# As the trees of a Pi 4B have it: the card's power comes from two regulators, one of them behind a
# pin. A clock's second number is the name of the thermal sensor, and must not be taken for it.
TREE = """/dts-v1/;
/ {
    pins: gpio { compatible = "raspberrypi,firmware-gpio"; #gpio-cells = <2>; phandle = <1>; };
    power: regulator-sd-vcc { compatible = "regulator-fixed"; gpio = <&pins 6 0>; };
    volts: regulator-sd-io-1v8 { compatible = "regulator-gpio"; gpios = <&pins 4 0>; };
    thermal { compatible = "brcm,bcm2711-thermal"; phandle = <7>; };
    mux: gpio@7e200000 {
        compatible = "brcm,bcm2711-gpio";
        state: emmc-gpio34 { brcm,pins = <34>; };
    };
    screen: dsi@7e700000 { compatible = "brcm,dsi"; #clock-cells = <1>; status = "disabled"; };
    clocks: cprman { compatible = "brcm,cprman"; #clock-cells = <1>; clocks = <&screen 7>; };
    mmc@7e340000 {
        compatible = "brcm,bcm2711-emmc2";
        clocks = <&clocks 7>;
        pinctrl-0 = <&state>;
        vmmc-supply = <&power>;
        vqmmc-supply = <&volts>;
        STATUS
    };
    watchdog@7e100000 { compatible = "brcm,bcm2711-pm", "brcm,bcm2835-pm-wdt"; };
};
"""
ALIASES = """# Aliases extracted from modules themselves.
alias of:N*T*Cregulator-fixed fixed
alias of:N*T*Cregulator-fixedC* fixed
alias of:N*T*Cregulator-gpioC* gpio_regulator
alias of:N*T*Cbrcm,bcm2711-thermalC* bcm2711_thermal
alias of:N*T*Cbrcm,bcm2711-emmc2C* sdhci_iproc
alias of:N*T*Cbrcm,bcm2711-gpioC* pinctrl_module
alias of:N*T*Cbrcm,dsiC* vc4
alias pci:v00001106d00003065sv*sd*bc*sc*i* via_rhine
"""
MODULES = (
    *("drivers/regulator/fixed.ko.xz", "drivers/regulator/gpio-regulator.ko.xz"),
    *("drivers/mmc/host/sdhci-iproc.ko.xz", "drivers/pinctrl/pinctrl-module.ko.xz"),
    *("drivers/thermal/bcm2711_thermal.ko.xz", "drivers/gpu/vc4.ko.xz"),
    "drivers/watchdog/bcm2835_wdt.ko.xz",
)
ENOUGH = (*MODULES[:4], MODULES[6])


def refused(folder: Path, tree: str, early: tuple[str, ...], modules: tuple[str, ...]) -> str:
    """What is said against an initial RAM disk; nothing where it is taken."""
    (folder / "modules.alias").write_text(ALIASES)
    made = subprocess.run(
        ["dtc", "-q", "-I", "dts", "-O", "dtb"],
        input=tree.encode(),
        capture_output=True,
        check=True,
    )
    try:
        require_early({"pi.dtb": made.stdout}, read_claims(folder), early, modules)
    except NotEarly as problem:
        return problem.sentence
    return ""


def test_what_a_card_hangs_on_is_enough(tmp_path: Path) -> None:
    assert not refused(tmp_path, TREE.replace("STATUS", ""), ENOUGH, MODULES)


@pytest.mark.parametrize(
    ("late", "said"),
    [
        (MODULES[0], "pi.dtb: its card wants regulator-sd-vcc, and so fixed"),
        (MODULES[1], "pi.dtb: its card wants regulator-sd-io-1v8, and so gpio_regulator"),
        (MODULES[2], "pi.dtb: its card wants mmc@7e340000, and so sdhci_iproc"),
        (MODULES[3], "pi.dtb: its card wants gpio@7e200000, and so pinctrl_module"),
    ],
)
def test_a_driver_that_comes_too_late_for_the_card_is_named(
    tmp_path: Path, late: str, said: str
) -> None:
    early = tuple(module for module in ENOUGH if module != late)
    tree = TREE.replace("STATUS", "")
    assert said in refused(tmp_path, tree, early, MODULES)
    built_in = tuple(module for module in MODULES if module != late)
    assert not refused(tmp_path, tree, early, built_in)


def test_a_socket_for_cards_that_the_board_does_not_have_wants_nothing(tmp_path: Path) -> None:
    tree = TREE.replace("STATUS", 'status = "disabled";')
    assert not refused(tmp_path, tree, ENOUGH[-1:], MODULES)


def test_a_pi_is_restarted_by_a_module_that_its_tree_does_not_name(tmp_path: Path) -> None:
    tree = TREE.replace("STATUS", "")
    assert "pi.dtb: a restart wants bcm2835_wdt" in refused(tmp_path, tree, ENOUGH[:-1], MODULES)
    assert not refused(tmp_path, tree, ENOUGH[:-1], MODULES[:-1])


def test_a_board_that_nothing_restarts_is_refused_but_its_firmware_may(tmp_path: Path) -> None:
    tree = TREE.replace("STATUS", "").replace("brcm,bcm2835-pm-wdt", "acme,clock")
    assert "what restarts it is not known" in refused(tmp_path, tree, ENOUGH, MODULES)
    assert not refused(tmp_path, tree.replace("acme,clock", "arm,psci-1.0"), ENOUGH, MODULES)
