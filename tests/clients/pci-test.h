/* Registers of the device model pci-test, BAR 0, 32 bits each: src/Doorbell/Devices/PciTestDevice.cs lists them all. */
#ifndef PCI_TEST_H
#define PCI_TEST_H

#define PCI_TEST_ID			0x00
#define PCI_TEST_SCRATCH		0x08	/* keeps what is written */
#define PCI_TEST_RAISE			0x0c	/* write n: raises vector n */
#define PCI_TEST_RAISED			0x10	/* what came of it */
#define PCI_TEST_RAISES			0x14	/* vectors raised so far */
#define PCI_TEST_INTX			0x18	/* bit 0: the level of the INTx line */
#define PCI_TEST_VECTORS		0x1c	/* vectors that may be raised now */
#define PCI_TEST_SOURCE_LOW		0x20
#define PCI_TEST_SOURCE_HIGH		0x24
#define PCI_TEST_DESTINATION_LOW	0x28
#define PCI_TEST_DESTINATION_HIGH	0x2c
#define PCI_TEST_LENGTH			0x30
#define PCI_TEST_COPY			0x34	/* bit 0: copy; bit 1: then raise the vector in bits 31:16 */
#define PCI_TEST_STATUS			0x38
#define PCI_TEST_COPIED			0x3c	/* bytes the last copy wrote */

#define PCI_TEST_ERROR			0x48	/* write: reports an uncorrectable error */

#define PCI_TEST_ID_VALUE		0x54534244

#define PCI_TEST_RAISED_SENT		1
#define PCI_TEST_RAISED_LOST		2

#define PCI_TEST_COPY_START		(1u << 0)
#define PCI_TEST_COPY_RAISES(vector)	(1u << 1 | (vector) << 16)

#define PCI_TEST_STATUS_DONE		1
#define PCI_TEST_STATUS_SOURCE_FAULT	2
#define PCI_TEST_STATUS_TARGET_FAULT	3

#endif
